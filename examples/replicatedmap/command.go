package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

var errUsage = errors.New("say put KEY VALUE, get KEY or del KEY")

// execute does what a line asks, on any member, and returns the answer.
func execute(ctx context.Context, m *Member, line string) (string, error) {
	words := strings.SplitN(strings.TrimSpace(line), " ", 3)
	switch {
	case words[0] == "put" && len(words) == 3:
		return change(ctx, m, Command{Op: Put, Key: words[1], Value: words[2]})
	case words[0] == "del" && len(words) == 2:
		return change(ctx, m, Command{Op: Delete, Key: words[1]})
	case words[0] == "get" && len(words) == 2:
		return get(ctx, m, words[1])
	}
	return "", errUsage
}

// change proposes a command. An error says whether it happened: see balsa.ErrUnknown.
func change(ctx context.Context, m *Member, c Command) (string, error) {
	result, err := m.Propose(ctx, c)
	switch {
	case err != nil:
		return "", err
	case result.Existed:
		return fmt.Sprintf("ok, it was %s", result.Previous), nil
	}
	return "ok, it was not there", nil
}

// get sees all that was acknowledged before, whichever member took it.
func get(ctx context.Context, m *Member, key string) (answer string, err error) {
	err = m.Read(ctx, func(s *Store) {
		if value, ok := s.Get(key); ok {
			answer = value
		} else {
			answer = "not there"
		}
	})
	return answer, err
}

// linesOf yields the lines of a text.
func linesOf(in io.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			if !yield(scanner.Text()) {
				return
			}
		}
	}
}
