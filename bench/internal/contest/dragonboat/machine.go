package dragonboat

import (
	"io"

	"github.com/lni/dragonboat/v4/statemachine"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// machine makes a contest.State a statemachine.IConcurrentStateMachine, which gets
// commands in batches.
type machine struct{ state contest.State }

func (m *machine) Update(entries []statemachine.Entry) ([]statemachine.Entry, error) {
	m.state.Lock()
	defer m.state.Unlock()
	for i := range entries {
		m.state.Apply(entries[i].Cmd)
		entries[i].Result.Value = m.state.Count()
	}
	return entries, nil
}

func (m *machine) Lookup(any) (any, error) { return m.state.View(), nil }

func (m *machine) PrepareSnapshot() (any, error) { return m.state.MarshalBinary() }

func (m *machine) SaveSnapshot(prepared any, to io.Writer, _ statemachine.ISnapshotFileCollection, _ <-chan struct{}) error {
	_, err := to.Write(prepared.([]byte))
	return err
}

func (m *machine) RecoverFromSnapshot(from io.Reader, _ []statemachine.SnapshotFile, _ <-chan struct{}) error {
	b := make([]byte, contest.StateBytes)
	if _, err := io.ReadFull(from, b); err != nil {
		return err
	}
	return m.state.UnmarshalBinary(b)
}

func (m *machine) Close() error { return nil }
