package balsa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/balsaraft/balsa/codec"
	"github.com/balsaraft/balsa/wire"
)

// Index numbers the entries of the log from 1.
type Index = wire.Index

// Term numbers the reigns of leaders.
type Term = wire.Term

// MemberID is the identity of a member, minted into its directory.
type MemberID = wire.MemberID

// StateMachine is the state that is replicated: C is the type of its commands, R of
// their results. Its methods are called by one goroutine at a time.
//
// C and R travel and rest as bytes: []byte and string as they are, a type with
// MarshalBinary and UnmarshalBinary by these, all else as JSON. Open refuses types of
// which JSON would silently lose a part.
type StateMachine[C, R any] interface {
	// Apply changes the state by one command and returns its result. Every member
	// applies the same commands in the same order, so it must be deterministic: it
	// looks at nothing but the state and its arguments, and e.Time and e.Seed are its
	// only clock and dice. It must not keep a result that it changes later. A panic
	// stops this member, and no other.
	Apply(e Entry, command C) R
	// Snapshot takes hold of the state as it is now; no Apply runs meanwhile. The
	// WriterTo is used later, once, beside further Applies, and must write the state
	// as it was.
	Snapshot() (io.WriterTo, error)
	// Restore replaces all state by what a WriterTo of Snapshot wrote, here or on
	// another member. After an error the member stops.
	Restore(r io.Reader) error
}

// Entry is a place in the log, the same on every member.
type Entry struct {
	Index Index
	Term  Term
	// Time is the leader's clock when it appended the entry. It never goes back from
	// one entry to the next, whatever clocks do.
	Time time.Time
	// Seed is a number for dice that all members throw alike. It can be guessed by
	// who sees the log: no secret comes of it.
	Seed uint64
}

// BatchApplier is a StateMachine that rather applies many commands at once.
type BatchApplier[C, R any] interface {
	// ApplyBatch does what Apply would for each command in order, and returns as many
	// results. It must not keep the slices.
	ApplyBatch(entries []Entry, commands []C) []R
}

// Querier is a StateMachine that answers questions from outside the process, which
// come as bytes through Node.Query and what is built on it.
type Querier interface {
	// Query answers a question from the state and changes nothing. Several may run at
	// a time, none beside Apply.
	Query(question []byte) (answer []byte, err error)
}

// Durable is a StateMachine that keeps its state on a disk of its own, so that a
// restart need not apply again what it holds.
type Durable interface {
	// Applied is the index of the last entry whose effect is on the disk, 0 for none.
	// It is asked by Open, before anything else. The state must hold all effects up
	// to there and none after.
	Applied() Index
}

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

// mix spreads a number over all bits (SplitMix64's finaliser).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// entryAt is the public face of an entry.
func entryAt(index Index, b wire.Batch) Entry {
	return Entry{
		Index: index,
		Term:  b.Term(),
		Time:  time.Unix(0, b.Time()),
		Seed:  mix(mix(uint64(index)*0x9e3779b97f4a7c15+uint64(b.Term())) ^ uint64(b.Time())),
	}
}
