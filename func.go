package balsa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/balsaraft/balsa/codec"
)

// Func makes a StateMachine of a value and a function that changes it. The value is
// kept in snapshots as JSON; Open refuses one of which JSON would silently lose a part,
// such as a field that is not exported, and says which.
//
//	balsa.Func(map[string]string{}, func(m *map[string]string, e balsa.Entry, c Set) string { … })
//
// Snapshots hold off apply for as long as it takes to encode the value: right for
// states of megabytes. Write a StateMachine for larger ones.
func Func[T, C, R any](initial T, apply func(state *T, e Entry, command C) R) *State[T, C, R] {
	return &State[T, C, R]{Value: initial, apply: apply}
}

// State is the StateMachine that Func makes.
type State[T, C, R any] struct {
	// Value is the state. Look at it in Node.Read alone.
	Value T
	apply func(*T, Entry, C) R
}

// Apply implements StateMachine.
func (s *State[T, C, R]) Apply(e Entry, command C) R { return s.apply(&s.Value, e, command) }

// Snapshot implements StateMachine.
func (s *State[T, C, R]) Snapshot() (io.WriterTo, error) {
	data, err := json.Marshal(&s.Value)
	if err != nil {
		return nil, fmt.Errorf("encode the state as JSON: %w", err)
	}
	return bytes.NewReader(data), nil
}

// Restore implements StateMachine.
func (s *State[T, C, R]) Restore(r io.Reader) error {
	var value T
	if err := json.NewDecoder(r).Decode(&value); err != nil {
		return fmt.Errorf("decode the state from JSON: %w", err)
	}
	s.Value = value
	return nil
}

// check says whether the state survives a snapshot.
func (s *State[T, C, R]) check() error { return codec.CheckJSON(reflect.TypeFor[T]()) }

// checker is what Open asks before it starts.
type checker interface{ check() error }
