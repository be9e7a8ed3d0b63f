package balsa

import (
	"time"

	"github.com/balsaraft/balsa/host"
)

// Meter hands out what a member's work takes: durations of the stages of proposals, of
// syncs, applies, reads and snapshots, changes of leadership, and calls that failed. Any of
// its functions may be nil, and a nil one costs nothing. What can be looked at instead of
// counted, such as queues and how far members lag, is in Status.
//
// No function is called for a single proposal that succeeds: Proposed is told of a whole
// batch. The calls make no allocation. Proposed, Synced, Applied, Changed and Snapshot come
// from the goroutine that turns the member; Read and Refused from those that called the
// node, many at once. None may wait, and none may call the node: hand on to another
// goroutine what takes longer than adding up numbers.
//
//	var synced atomic.Int64
//	cfg.Meter.Synced = func(s balsa.Sync) { synced.Add(int64(s.Took)) }
type Meter struct {
	// Proposed: a batch of this member's own proposals was answered.
	Proposed func(Stages)
	// Synced: the log was written and synced, on any member.
	Synced func(Sync)
	// Applied: the state machine has applied committed entries, on any member.
	Applied func(Applied)
	// Changed: this member's role, its term, or the leader that it knows has changed.
	Changed func(Change)
	// Snapshot: a snapshot was captured, written, sent, received or restored, or was not.
	Snapshot func(SnapshotWork)
	// Read: a Read, Query or anything else that waits for a state new enough was let go, or
	// failed. The time is that until it may look at the state.
	Read func(took time.Duration, err error)
	// Refused: a proposal got an error instead of a result. The error Is, among others,
	// ErrOverloaded, ErrTooLarge, ErrNoLeader, ErrSessionExpired or the context's.
	Refused func(error)
}

// Stages is how long a batch of this member's own proposals took, stage by stage.
type Stages = host.Stages

// Sync is a write of the log together with its fsync.
type Sync = host.Sync

// Applied is the state machine's work on some committed entries.
type Applied = host.Apply

// Change says that role, term or leader have changed.
type Change = host.Change

// SnapshotWork is a step of a snapshot's life that is over, well or not.
type SnapshotWork = host.SnapshotWork

// SnapshotStep is one of the Snapshot constants.
type SnapshotStep = host.SnapshotStep

// What SnapshotWork can be about; host.SnapshotStep says more.
const (
	SnapshotCapture = host.SnapshotCapture
	SnapshotWrite   = host.SnapshotWrite
	SnapshotSend    = host.SnapshotSend
	SnapshotReceive = host.SnapshotReceive
	SnapshotRestore = host.SnapshotRestore
)

// And is a Meter that hands out to both, to m first.
func (m Meter) And(other Meter) Meter {
	return Meter{
		Proposed: both(m.Proposed, other.Proposed), Synced: both(m.Synced, other.Synced), Applied: both(m.Applied, other.Applied),
		Changed: both(m.Changed, other.Changed), Snapshot: both(m.Snapshot, other.Snapshot), Refused: both(m.Refused, other.Refused),
		Read: bothReads(m.Read, other.Read),
	}
}

func both[A any](f, g func(A)) func(A) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A) { f(a); g(a) }
}

func bothReads(f, g func(time.Duration, error)) func(time.Duration, error) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(took time.Duration, err error) { f(took, err); g(took, err) }
}

// host is the part of the Meter that a host is told, with the clock that it has none of.
func (m Meter) host(clock func() time.Duration) host.Meter {
	h := host.Meter{Proposed: m.Proposed, Synced: m.Synced, Applied: m.Applied, Changed: m.Changed, Snapshot: m.Snapshot}
	if m.Synced != nil || m.Applied != nil || m.Snapshot != nil {
		h.Clock = clock
	}
	return h
}

// refused tells of a proposal's error, and returns it.
func (m *Meter) refused(err error) error {
	if err != nil && m.Refused != nil {
		m.Refused(err)
	}
	return err
}
