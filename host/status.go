package host

import (
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// Status is how a member stands.
type Status struct {
	Card       wire.Card
	Core       raft.Status // zero until the member belongs to a cluster
	Applied    wire.Pos    // the last entry in the state
	Time       int64       // replicated time there
	Membership wire.Membership
	Snapshot   wire.Pos // of the newest snapshot
	LogBytes   int64    // of the log on disk
	LogStart   wire.Pos // the position before the log's first entry
	Founding   bool     // it waits for the other founders
	Waiting    error    // why there is no leader, nil if there is one
	Removed    bool     // the cluster goes on without it
	Repairing  bool     // it found damage, and waits to be taken in as a new member
}

// Status looks at the member.
func (h *Host) Status() Status {
	s := Status{
		Card: h.card, Applied: h.applying.at, Time: h.applying.time, Membership: h.applying.membership,
		Waiting: h.whyNoLeader(), Founding: h.standing.state == founding, Removed: h.standing.removed,
	}
	if h.log == nil {
		s.Repairing = true
		return s
	}
	s.LogBytes, s.LogStart = h.log.DiskBytes(), h.log.Start()
	if h.core != nil {
		s.Core = h.core.Status()
		s.Membership = h.view.Membership
	}
	if latest, ok := h.snapshots.Latest(); ok {
		s.Snapshot = latest.Pos
	}
	return s
}

// Readable is the index up to which entries are applied and on this member's disk.
func (h *Host) Readable() wire.Index {
	if h.core == nil {
		return 0
	}
	return min(h.applying.at.Index, h.core.Durable())
}

// Entries is a view of applied entries from first on. It is nil if there are none yet,
// and an error if the log does not reach back that far.
func (h *Host) Entries(first wire.Index) (*wal.View, error) {
	last := h.Readable()
	if first > last {
		return nil, nil
	}
	return h.log.View(first, last)
}
