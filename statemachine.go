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
	// What it holds is taken to be committed. So the state's disk and the member's
	// directory belong together: put neither back from an older copy without the other.
	Applied() Index
}

// Rewinder is a StateMachine that wants to know that a backup was restored into the running
// cluster (Node.Restore): that its state is not what the log had come to, but one of an
// earlier time, or of another cluster. What tells its watchers of changes, say, has to tell
// them that there is no way from what they have seen to what there is now.
type Rewinder interface {
	// Accepts looks at up to 4 KiB that the backup's state begins with, and says why it is
	// none that Restore could read. It is asked before anything is changed, on the member
	// that was given the backup, and changes nothing.
	Accepts(head []byte) error
	// Rewound is called right after Restore, on every member, with the entry at which the
	// backup became the state. Entries that follow have greater indexes than this and than
	// all that the backup's state has seen. It may be called again, after a restart or
	// another Restore, for the same entry. What a Durable one has Applied is that entry from
	// then on.
	Rewound(e Entry)
}

// Hasher is a StateMachine that can say in a word what its state is. Members compare that
// word after the same entries now and then (each 1,024th), so that a member whose state
// differs is noticed: it stops with ErrDiverged, if most members agree against it. State
// machines without it, and those that Func makes, are not compared.
type Hasher interface {
	// StateHash is a digest of the whole state. It depends on nothing but the commands
	// that were applied: not on the order of a map, nor on which of them came out of a
	// snapshot; so what it needs must be in snapshots, too. It is asked between two
	// Applies and should cost little: fold each change into a number when it is made
	// (digest = digest*prime + change), rather than walk over the state. Programs that
	// run side by side in an upgrade must have the same one.
	StateHash() uint64
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

// entryIn is the public face of an entry of a batch.
func entryIn(b wire.Batch, index Index) Entry {
	return entryAt(wire.Pos{Term: b.Term(), Index: index}, b.Time())
}

func entryAt(at wire.Pos, now int64) Entry {
	return Entry{
		Index: at.Index,
		Term:  at.Term,
		Time:  time.Unix(0, now),
		Seed:  mix(mix(uint64(at.Index)*0x9e3779b97f4a7c15+uint64(at.Term)) ^ uint64(now)),
	}
}
