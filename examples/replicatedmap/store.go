package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/balsaraft/balsa"
)

// Op says what a Command does.
type Op string

const (
	Put    Op = "put"
	Delete Op = "delete"
)

// Command changes one key. It travels as JSON, because it has no encoding of its own.
type Command struct {
	Op    Op     `json:"op"`
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// Result is what a key held before the command.
type Result struct {
	Previous string `json:"previous,omitempty"`
	Existed  bool   `json:"existed"`
}

// Store is the state machine: a map from strings to strings.
type Store struct{ values map[string]string }

// NewStore is an empty Store.
func NewStore() *Store { return &Store{values: map[string]string{}} }

// Get looks at a key. It is for Node.Read alone.
func (s *Store) Get(key string) (value string, ok bool) {
	value, ok = s.values[key]
	return value, ok
}

// Apply implements balsa.StateMachine.
func (s *Store) Apply(_ balsa.Entry, c Command) Result {
	previous, existed := s.values[c.Key]
	switch c.Op {
	case Put:
		s.values[c.Key] = c.Value
	case Delete:
		delete(s.values, c.Key)
	}
	return Result{Previous: previous, Existed: existed}
}

// Snapshot implements balsa.StateMachine. It copies the map, which is quick, and
// leaves the encoding, which is not, to WriteTo beside the next commands.
func (s *Store) Snapshot() (io.WriterTo, error) { return image(maps.Clone(s.values)), nil }

// Restore implements balsa.StateMachine.
func (s *Store) Restore(r io.Reader) error {
	values := map[string]string{}
	if err := json.NewDecoder(r).Decode(&values); err != nil {
		return fmt.Errorf("decode the map: %w", err)
	}
	s.values = values
	return nil
}

// image is the map at one moment.
type image map[string]string

// WriteTo implements io.WriterTo.
func (m image) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{to: w}
	err := json.NewEncoder(counted).Encode(map[string]string(m))
	return counted.n, err
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}
