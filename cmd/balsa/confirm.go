package main

import (
	"bufio"
	"fmt"
	"strings"
)

// confirm asks a person at the terminal whether to go on. Elsewhere nobody would answer.
func confirm(c console, question string) error {
	if !isTerminal(c.stdin) {
		return fmt.Errorf("%w: there is no terminal to ask at; add --yes if that is what you want", errUsage)
	}
	fmt.Fprintf(c.stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(c.stdin).ReadString('\n')
	if err != nil {
		fmt.Fprintln(c.stderr)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}
