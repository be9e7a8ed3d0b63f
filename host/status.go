package host

import (
	"time"

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
	Version    wire.ClusterVersion             // as of what was applied here
	Versions   map[wire.MemberID]wire.Versions // that members understand, of those this one is connected to
	Snapshot   wire.Pos                        // of the newest snapshot
	StateBytes int64                           // of its state, 0 if there is none
	LogBytes   int64                           // of the log on disk
	LogStart   wire.Pos                        // the position before the log's first entry
	Founding   bool                            // it waits for the other founders
	Waiting    error                           // why there is no leader, nil if there is one
	Removed    bool                            // the cluster goes on without it
	Differ     error                           // members' states are known to differ
	Repairing  bool                            // it found damage, and waits to be taken in as a new member

	Forwards   int // proposals of others that wait here to be appended, in batches
	CacheBytes int // of log entries in memory
	CacheFound wal.Found
	RoundTrips map[wire.MemberID]time.Duration // of a leader, as far as they are known
	Transfers  []SnapshotTransfer              // snapshots under way
	Writing    *SnapshotTransfer               // one that is being written here, nil if none is; Size is that of the last
}

// SnapshotTransfer is a snapshot on its way between this member and another.
type SnapshotTransfer struct {
	Member   wire.MemberID
	Incoming bool
	Index    wire.Index // up to which entries are in it
	Bytes    int64      // that have come through
	Size     int64      // of all of it; 0 if this end does not know
}

// Status looks at the member.
func (h *Host) Status() Status {
	s := Status{
		Card: h.card, Applied: h.applying.at, Time: h.applying.time, Membership: h.applying.membership, Version: h.ClusterVersion(), Versions: map[wire.MemberID]wire.Versions{},
		Waiting: h.whyNoLeader(), Founding: h.standing.state == founding, Removed: h.standing.removed,
		Differ: h.differ(),
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
	h.lookAround(&s)
	for _, m := range s.Membership.All() {
		if r, known := h.versionsOf(m.ID); known {
			s.Versions[m.ID] = r
		}
	}
	if latest, ok := h.snapshots.Latest(); ok {
		s.Snapshot, s.StateBytes = latest.Pos, h.captures.size
	}
	if now := &h.captures.writing; now.index.Load() != 0 {
		s.Writing = &SnapshotTransfer{
			Member: h.card.ID, Index: wire.Index(now.index.Load()), Bytes: now.bytes.Load(), Size: h.captures.size,
		}
	}
	return s
}

// lookAround adds what goes on between this member and others.
func (h *Host) lookAround(s *Status) {
	s.Forwards = len(h.controls.forwards)
	s.CacheBytes, s.CacheFound = h.log.CachedBytes(), h.log.Found()
	s.RoundTrips = map[wire.MemberID]time.Duration{}
	for id, t := range h.contact.roundTrips {
		if took := t.time(); took > 0 && h.view.Role == raft.Leader {
			s.RoundTrips[id] = took
		}
	}
	for _, id := range h.contact.ids {
		if t := h.sendingTo(id); t != nil {
			s.Transfers = append(s.Transfers, *t)
		}
	}
	if r := h.receives; r != nil {
		s.Transfers = append(s.Transfers, SnapshotTransfer{Member: r.from, Incoming: true, Index: r.pos.Index, Bytes: r.received})
	}
}

// sendingTo is a snapshot on its way to a member, nil if there is none.
func (h *Host) sendingTo(id wire.MemberID) *SnapshotTransfer {
	t := h.sending[id]
	if t == nil || t.source == nil {
		return nil
	}
	return &SnapshotTransfer{Member: id, Index: t.meta.Pos.Index, Bytes: t.acked, Size: t.source.Size()}
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
