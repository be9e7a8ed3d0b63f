// Package migrated runs a state machine that was written for hashicorp/raft on Balsa, as it
// is: what docs/migrating.md shows.
package migrated

import (
	"io"

	"github.com/hashicorp/raft"

	"github.com/balsaraft/balsa"
)

// Machine is a balsa.StateMachine made of an FSM whose Apply returns an R.
type Machine[R any] struct{ FSM raft.FSM }

// Apply implements balsa.StateMachine.
func (m Machine[R]) Apply(e balsa.Entry, command []byte) R {
	return m.FSM.Apply(&raft.Log{Index: uint64(e.Index), Term: uint64(e.Term), Data: command, AppendedAt: e.Time}).(R)
}

// Snapshot implements balsa.StateMachine.
func (m Machine[R]) Snapshot() (io.WriterTo, error) {
	s, err := m.FSM.Snapshot()
	return persisted{s}, err
}

// Restore implements balsa.StateMachine.
func (m Machine[R]) Restore(from io.Reader) error { return m.FSM.Restore(io.NopCloser(from)) }

// persisted writes a snapshot to wherever Balsa wants it.
type persisted struct{ snapshot raft.FSMSnapshot }

func (p persisted) WriteTo(to io.Writer) (int64, error) {
	defer p.snapshot.Release()
	s := &sink{Writer: to}
	err := p.snapshot.Persist(s)
	return s.written, err
}

// sink is a raft.SnapshotSink whose file is somebody else's to close or throw away.
type sink struct {
	io.Writer
	written int64
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	s.written += int64(n)
	return n, err
}

func (s *sink) ID() string    { return "" }
func (s *sink) Close() error  { return nil }
func (s *sink) Cancel() error { return nil }
