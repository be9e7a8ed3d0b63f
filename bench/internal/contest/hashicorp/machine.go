package hashicorp

import (
	"io"

	"github.com/hashicorp/raft"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// machine makes a contest.State a raft.BatchingFSM.
type machine struct{ state contest.State }

func (m *machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	m.state.Lock()
	defer m.state.Unlock()
	for _, l := range logs {
		if l.Type == raft.LogCommand {
			m.state.Apply(l.Data)
		}
	}
	return make([]any, len(logs))
}

func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	b, err := m.state.MarshalBinary()
	return snapshot(b), err
}

func (m *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return m.state.UnmarshalBinary(b)
}

type snapshot []byte

func (s snapshot) Persist(to raft.SnapshotSink) error {
	if _, err := to.Write(s); err != nil {
		to.Cancel()
		return err
	}
	return to.Close()
}

func (s snapshot) Release() {}
