package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/balsaraft/balsa/kv/access"
)

// accessFile is a file of callers, as YAML:
//
//	callers:
//	  - name: web
//	    token-sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b
//	    grants: [{prefix: "users/", rights: [read, write]}]
//
// Where callers show certificates, one without token-sha256 is known by the name in its
// certificate alone.
type accessFile string

// book reads the file, and nil if there is none. A file that is not right as a whole
// is refused: half of it would let in whom the other half keeps out.
func (f accessFile) book(certificates bool) (*access.Book, error) {
	if f == "" {
		return nil, nil
	}
	callers, err := f.read(certificates)
	if err != nil {
		return nil, err
	}
	return access.NewBook(entriesOf(callers))
}

// reread puts the file's callers in the place of all whenever a signal comes, until ctx
// ends. A file that is not right leaves everything as it is.
func (f accessFile) reread(ctx context.Context, signals <-chan os.Signal, book *access.Book, certificates bool, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		callers, err := f.read(certificates)
		if err == nil {
			err = book.Replace(entriesOf(callers))
		}
		if err != nil {
			log.Error("the callers stay as they were, because their file is not right", "error", err)
			continue
		}
		log.Info("callers were read again", "file", string(f), "callers", len(callers))
	}
}

// caller is an entry, and where it begins.
type caller struct {
	access.Entry
	line int
}

func entriesOf(callers []caller) (entries []access.Entry) {
	for _, c := range callers {
		entries = append(entries, c.Entry)
	}
	return entries
}

func (f accessFile) read(certificates bool) ([]caller, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return nil, fmt.Errorf("read the callers: %w", err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty; it takes callers: and a list of them", f)
	} else if err != nil {
		return nil, fmt.Errorf("read the callers in %s: %w", f, err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s has a second document, or something wrong after the first: %v", f, err)
	}
	callers, err := callersIn(doc.Content[0], certificates)
	var wrong *lineError
	if errors.As(err, &wrong) {
		return nil, fmt.Errorf("%s:%d: %w", f, wrong.line, wrong.err)
	}
	return callers, err
}

// lineError is what is wrong in a line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

func callersIn(top *yaml.Node, certificates bool) (callers []caller, err error) {
	err = mapping(top, []string{"callers"}, func(_ string, list *yaml.Node) error {
		return sequence(list, func(n *yaml.Node) error {
			c, err := callerIn(n, certificates)
			callers = append(callers, c)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return callers, together(callers)
}

// together says whether the callers can be in one book, and if not, with the line of the
// first that cannot.
func together(callers []caller) error {
	entries := entriesOf(callers)
	_, err := access.NewBook(entries)
	for i := range entries {
		if err == nil {
			break
		}
		if _, err := access.NewBook(entries[:i+1]); err != nil {
			return &lineError{callers[i].line, err}
		}
	}
	return err
}

func callerIn(n *yaml.Node, certificates bool) (c caller, err error) {
	c.line = n.Line
	keys := []string{"name", "token-sha256", "grants"}
	if certificates {
		keys[1] += "?"
	}
	err = mapping(n, keys, func(key string, value *yaml.Node) (err error) {
		switch key {
		case "name":
			c.Caller.Name, err = word(value)
		case "token-sha256":
			var text string
			if text, err = word(value); err == nil {
				c.Token, err = access.ParseDigest(text)
			}
		case "grants":
			return sequence(value, func(n *yaml.Node) error {
				g, err := grantIn(n)
				c.Caller.Grants = append(c.Caller.Grants, g)
				return err
			})
		}
		return err
	})
	return c, err
}

func grantIn(n *yaml.Node) (g access.Grant, err error) {
	err = mapping(n, []string{"prefix", "rights"}, func(key string, value *yaml.Node) (err error) {
		if key == "prefix" {
			g.Prefix, err = word(value)
			return err
		}
		var names []string
		err = sequence(value, func(n *yaml.Node) error {
			name, err := word(n)
			names = append(names, name)
			return err
		})
		if err == nil {
			g.Rights, err = access.ParseRights(names...)
		}
		return err
	})
	return g, err
}

// mapping reads a map that has each of these keys once, and no other. One that ends in ?
// may be missing.
func mapping(n *yaml.Node, keys []string, read func(key string, value *yaml.Node) error) error {
	optional := slices.Clone(keys)
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i] = strings.TrimSuffix(keys[i], "?")
	}
	all := strings.Join(keys, ", ")
	if n.Kind != yaml.MappingNode {
		return &lineError{n.Line, fmt.Errorf("here stands a map with %s", all)}
	}
	var seen []string
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(keys, key.Value):
			return &lineError{key.Line, fmt.Errorf("there is no %q here; there is %s", key.Value, all)}
		case slices.Contains(seen, key.Value):
			return &lineError{key.Line, fmt.Errorf("%s is there twice", key.Value)}
		}
		seen = append(seen, key.Value)
		if err := atLine(key.Line, read(key.Value, value)); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if !slices.Contains(seen, key) && !slices.Contains(optional, key+"?") {
			return &lineError{n.Line, fmt.Errorf("%s is missing", key)}
		}
	}
	return nil
}

func sequence(n *yaml.Node, read func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return &lineError{n.Line, errors.New("here stands a list")}
	}
	for _, element := range n.Content {
		if err := atLine(element.Line, read(element)); err != nil {
			return err
		}
	}
	return nil
}

// atLine keeps the line of an error that has one.
func atLine(line int, err error) error {
	var known *lineError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &lineError{line, err}
}

// word reads a text. A number or nothing is refused, since whoever wrote it may have meant
// something else.
func word(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return "", &lineError{n.Line, errors.New(`here stands a text; put quotes around it, as in "users/"`)}
	}
	return n.Value, nil
}
