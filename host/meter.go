package host

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Meter is told what a member's work takes: once a batch, once a sync, never once a
// command. Each function may be nil. All are called by the owner of the host, in the middle
// of a turn: they must not wait, nor call the host.
type Meter struct {
	// Clock is the time since any fixed moment; tasks read it in any goroutine. The other
	// functions need it, but for Proposed and Changed.
	Clock func() time.Duration

	Proposed func(Stages)
	Synced   func(Sync)
	Applied  func(Apply)
	Changed  func(Change)
	Snapshot func(SnapshotWork)
}

// Stages is how long a batch of this member's own commands took on its way to their
// answer, as this member saw it. Waited, Ordered, Committed and Applied follow on each
// other and add up to Total; Persisted runs beside Committed.
type Stages struct {
	Commands int
	Bytes    int // as they stand in the log
	// First and Last are the commands' numbers, in the order in which this member took
	// them; At is where the first stands in the log, and the others after it. At is zero if
	// the answer came before the leader had said it, or from a snapshot.
	First, Last uint64
	At          wire.Pos

	// Waited: the first of them was taken, until they left this member. They wait for a
	// leader, for the member's session, and on the leader for the write before theirs.
	Waited time.Duration
	// Ordered: until they had their place in the leader's log. It is 0 on the leader.
	Ordered time.Duration
	// Persisted: from then until they were on this member's own disk; 0 if they were
	// answered sooner, which the disks of a majority of others allow.
	Persisted time.Duration
	// Committed: from Ordered until this member knew that a majority has them on disk.
	Committed time.Duration
	// Applied: from then until this member had applied and answered them.
	Applied time.Duration
	Total   time.Duration
}

// Sync is a write of the log together with its fsync.
type Sync struct {
	Took  time.Duration
	Bytes int   // of entries; a term or a vote has none
	Err   error // of a full disk, which is tried again; after any other the member stops
}

// Apply is the state machine's work on some committed entries.
type Apply struct {
	Took    time.Duration
	Entries int
	Bytes   int
	Cached  bool // they were in memory, and were not read from the disk
}

// Change says that role, term or leader have changed.
type Change struct {
	Term         wire.Term
	Role, Was    raft.Role
	Leader, Left wire.MemberID // the leader known now, and the one before; 0 for none
	// RoleFor and LeaderFor are how long the role and the leader before had lasted: where
	// Left is 0, how long this member had known no leader.
	RoleFor, LeaderFor time.Duration
}

// SnapshotStep is what is done with a snapshot.
type SnapshotStep uint8

const (
	// SnapshotCapture: the state was taken hold of, while nothing was applied.
	SnapshotCapture SnapshotStep = iota + 1
	// SnapshotWrite: it was written to disk, beside applies.
	SnapshotWrite
	// SnapshotSend: it was sent to Member.
	SnapshotSend
	// SnapshotReceive: it came from Member, and is on the disk.
	SnapshotReceive
	// SnapshotRestore: it became the state, while nothing was applied.
	SnapshotRestore
)

var stepNames = [...]string{"", "capture", "write", "send", "receive", "restore"}

func (s SnapshotStep) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return fmt.Sprintf("step(%d)", uint8(s))
}

// SnapshotWork is a step that is over, well or not.
type SnapshotWork struct {
	Step   SnapshotStep
	Member wire.MemberID // at the other end, 0 for none
	Index  wire.Index    // up to which entries are in it
	Bytes  int64         // 0 for a capture
	Took   time.Duration
	Err    error
}

// clock is the Meter's, or stands still.
func (m *Meter) clock() time.Duration {
	if m.Clock == nil {
		return 0
	}
	return m.Clock()
}

// applyOf is what was applied.
func applyOf(batches []wire.Batch, took time.Duration, cached bool) Apply {
	a := Apply{Took: took, Cached: cached}
	for _, b := range batches {
		a.Entries += b.Count()
		a.Bytes += len(b)
	}
	return a
}

// timed is do as a task runs it, with how long it took and how it ended put into work.
func (h *Host) timed(work *SnapshotWork, do func() error) func() {
	return func() {
		began := h.cfg.Meter.clock()
		work.Err = do()
		work.Took = h.cfg.Meter.clock() - began
	}
}

func (h *Host) meterSnapshot(w SnapshotWork) {
	if h.cfg.Meter.Snapshot != nil {
		h.cfg.Meter.Snapshot(w)
	}
}

// errGivenUp says that a transfer had no need to go on, or nobody to.
var errGivenUp = errors.New("given up")

// meterSending tells of a transfer to a member that ends.
func (h *Host) meterSending(s *sending, failed bool, err error) {
	if s.source == nil {
		return // it never began
	}
	if failed && err == nil {
		err = errGivenUp
	}
	h.meterSnapshot(SnapshotWork{
		Step: SnapshotSend, Member: s.to, Index: s.meta.Pos.Index, Bytes: s.acked, Took: h.now - s.began, Err: err,
	})
}

// meterReceiving tells of a snapshot that has come in, or will not.
func (h *Host) meterReceiving(r *receiving, err error) {
	w := SnapshotWork{Step: SnapshotReceive, Member: r.from, Index: r.pos.Index, Took: h.now - r.began, Err: err}
	if r.file != nil {
		w.Bytes = r.file.Offset()
	}
	h.meterSnapshot(w)
}

// metering is what the Meter is still to be told of.
type metering struct {
	parcels []*parcel     // own proposals that are not answered, by number
	role    time.Duration // since when the role is what it is
	leader  time.Duration // since when the leader is who it is
}

// way is when a parcel came how far, by Now.Mono, or never.
type way struct {
	made, left, ordered, persisted, committed time.Duration
}

// meterProposal follows a parcel from here on.
func (h *Host) meterProposal(p *parcel) {
	if h.cfg.Meter.Proposed == nil {
		return
	}
	p.way = way{p.Made, never, never, never, never}
	h.metering.parcels = append(h.metering.parcels, p)
}

// meterProposals looks at the end of a turn how far the parcels have come.
func (h *Host) meterProposals() {
	m := &h.metering
	answered := 0
	for _, p := range m.parcels {
		h.follow(p)
		if p.state != parcelAnswered {
			continue
		}
		answered++
		if p.withdrawn < p.Count {
			h.cfg.Meter.Proposed(p.stages(h.now))
		}
	}
	if answered > 0 {
		m.parcels = slices.Delete(m.parcels, 0, answered) // they are answered in order
	}
}

// follow notes which stages a parcel has come through since the last turn.
func (h *Host) follow(p *parcel) {
	w, placed := &p.way, p.at.Index > 0
	last := p.at.Index + wire.Index(p.Count) - 1
	for _, stage := range [...]struct {
		at      *time.Duration
		reached bool
	}{
		{&w.left, p.sent},
		{&w.ordered, placed},
		{&w.persisted, placed && h.core.Durable() >= last},
		{&w.committed, placed && h.logging.committed >= last},
	} {
		if stage.reached && *stage.at == never {
			*stage.at = h.now
		}
	}
}

// stages sums up the way of a parcel that is answered now. What was not seen by then has
// come to pass with what follows on it.
func (p *parcel) stages(now time.Duration) Stages {
	w := p.way
	w.committed = min(w.committed, now)
	w.ordered = min(w.ordered, w.committed)
	w.left = min(w.left, w.ordered)
	s := Stages{
		Commands: p.Count - p.withdrawn, Bytes: len(p.Body) - wire.BatchHeaderSize,
		First: p.First, Last: p.last(), At: p.at,
		Waited: w.left - w.made, Ordered: w.ordered - w.left, Committed: w.committed - w.ordered, Applied: now - w.committed,
		Total: now - w.made,
	}
	if w.persisted <= now {
		s.Persisted = max(w.persisted-w.ordered, 0)
	}
	return s
}

// forget drops the places that a parcel had in a log that may not be the leader's.
func (p *parcel) forget() {
	p.at = wire.Pos{}
	p.way.ordered, p.way.persisted, p.way.committed = never, never, never
}

// meterChange tells of a change of role, term or leader.
func (h *Host) meterChange(before raft.Status) {
	c := Change{Term: h.view.Term, Role: h.view.Role, Was: before.Role, Leader: h.view.Leader, Left: before.Leader}
	if h.cfg.Meter.Changed == nil || c.Role == c.Was && c.Leader == c.Left && c.Term == before.Term {
		return
	}
	m := &h.metering
	c.RoleFor, c.LeaderFor = h.now-m.role, h.now-m.leader
	if c.Role != c.Was {
		m.role = h.now
	}
	if c.Leader != c.Left {
		m.leader = h.now
	}
	h.cfg.Meter.Changed(c)
}
