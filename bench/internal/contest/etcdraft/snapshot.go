package etcdraft

import (
	"errors"

	"go.etcd.io/raft/v3"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// capture is the state after an entry.
type capture struct {
	index uint64
	data  []byte
}

// handCapture takes the state from time to time, and hands it to who saves it. What it
// has applied must be on this disk.
func (m *member) handCapture() {
	if m.keepLog || m.applied < m.captured+contest.SnapshotEntries {
		return
	}
	data, err := m.state.MarshalBinary()
	must(err)
	select {
	case m.snapshots <- capture{m.applied, data}:
		m.captured = m.applied
	default: // the one before is not saved yet
	}
}

// saveSnapshots saves states, and drops entries that they stand for.
func (m *member) saveSnapshots() {
	for {
		select {
		case <-m.done:
			return
		case c := <-m.snapshots:
			snapshot, err := m.storage.memory.CreateSnapshot(c.index, m.confState, c.data)
			if errors.Is(err, raft.ErrSnapOutOfDate) {
				continue // one came from the leader
			}
			must(err)
			must(m.storage.saveSnapshot(snapshot))
			must(m.storage.wal.ReleaseLockTo(c.index))
			if err := m.storage.memory.Compact(c.index - contest.TrailingEntries); !errors.Is(err, raft.ErrCompacted) {
				must(err)
			}
		}
	}
}
