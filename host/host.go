package host

import (
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// Now is a moment, given to the host by whoever turns it.
type Now struct {
	// Mono is the time since any fixed moment. It never goes back, and it runs on
	// while the process is stopped or the machine sleeps.
	Mono time.Duration
	// Wall is the calendar time in nanoseconds since 1970, from which entries get
	// their time. It may jump.
	Wall int64
}

// Output is what a turn has brought. It is valid until the next turn.
type Output struct {
	Tasks    []*Task       // to be run and handed back
	Reads    []uint64      // tokens of reads that may look at the state now
	Refused  []Refusal     // own commands that will not be committed
	Controls []ControlDone // answers to Control
	Events   []Event       // what people may want to know
	Deadline time.Duration // when to turn again at the latest, by Now.Mono
}

// Refusal says that an own command will have no result here and why. It has not run and
// never will if Sure, else it may have, or may yet.
type Refusal struct {
	Seq  uint64
	Sure bool
	Err  error
}

// Host is a member that somebody else turns. It has one owner, who calls all of its
// methods.
type Host struct {
	cfg  Config
	card wire.Card
	now  time.Duration
	wall int64
	out  Output
	busy [lanes]bool
	err  error // why the member has stopped; nothing happens after

	touched  bool        // the state machine was given a snapshot
	stopping atomic.Bool // long tasks are to end; any goroutine

	log       *wal.Log
	snapshots *snapshot.Store
	core      *raft.Raft  // nil until the member belongs to a cluster
	view      raft.Status // as of the last change of role, term, leader or membership

	arrivals []wire.Arrival
	carried  []wire.Batch // bytes of the proposals or the message being stepped

	contact    contact
	logging    logging
	fetching   map[wire.MemberID]*fetch
	applying   applying
	compare    comparing
	fresh      fresh
	outbox     outbox
	news       news
	reads      reads
	captures   captures
	unread     unread
	installing *installing // nil unless a backup is being made the state
	sending    map[wire.MemberID]*sending
	pauses     map[wire.MemberID]time.Duration // before the next transfer to who refused the last
	receives   *receiving
	controls   controls
	upkeep     upkeep
	notes      notes
	standing   standing
	metering   metering
}

// New opens the member's files and brings its state back from the newest snapshot. It
// waits for the disk, and what it does by time counts from when that is done: clock is asked
// before and after. The log's entries are applied later, by tasks.
func New(cfg Config, clock func() Now) (*Host, error) {
	now := clock()
	h := &Host{
		cfg: cfg, card: cfg.Card, now: now.Mono, wall: now.Wall,
		fetching: map[wire.MemberID]*fetch{},
		sending:  map[wire.MemberID]*sending{},
		pauses:   map[wire.MemberID]time.Duration{},
	}
	h.cfg.Files = &directory{FS: cfg.Files}
	h.card.ID, h.card.Cluster = cfg.Identity.ID, cfg.Identity.Cluster
	h.cfg.Raft.ID, h.cfg.Raft.Random, h.cfg.Raft.LateNews = cfg.Identity.ID, cfg.Random, true
	h.contact.init()
	h.controls.init(cfg.Random)
	h.outbox.init(cfg.Random)
	h.reads.init(cfg.Random)
	h.fresh.init(cfg.Random)
	err := h.openFiles(clock)
	if err == nil {
		return h, nil
	}
	damage := err
	if err := h.closeFiles(); err != nil || !h.mayBeReplaced(damage) {
		return nil, errors.Join(damage, err)
	}
	h.enterRepair(damage)
	return h, nil
}

func (h *Host) openFiles(clock func() Now) error {
	if err := mayStart(h.cfg.Identity); err != nil {
		return err
	}
	if h.cfg.Identity.Lost {
		return errRegressed
	}
	if h.cfg.Identity.Replaces != 0 {
		if err := h.setAside(); err != nil {
			return err
		}
	}
	if err := h.openLog(); err != nil {
		return err
	}
	if err := h.restoreNewest(); err != nil {
		return err
	}
	now := clock()
	h.now, h.wall = now.Mono, now.Wall
	return h.enterStanding()
}

// openLog opens the log and the snapshots.
func (h *Host) openLog() (err error) {
	h.log, err = wal.Open(h.cfg.Files, wal.Options{
		SegmentBytes: h.cfg.SegmentBytes, CacheBytes: h.cfg.CacheBytes, Member: h.cfg.Identity.ID,
	})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	h.snapshots, err = snapshot.Open(h.cfg.Files, h.cfg.KeepSnapshots)
	if err != nil {
		return fmt.Errorf("open the snapshots: %w", err)
	}
	return nil
}

// startCore starts the algorithm on what the disk holds: a snapshot's state, and these
// entries after it.
func (h *Host) startCore(entries iter.Seq[wire.Span]) error {
	state := raft.State{
		HardState:  h.log.HardState(),
		Start:      h.applying.at,
		Membership: h.applying.membership,
		Committed:  h.knownCommitted(),
	}
	for s := range entries {
		if s.Last > state.Start.Index {
			s.First = max(s.First, state.Start.Index+1)
			state.Spans = append(state.Spans, s)
		}
	}
	core, err := raft.New(h.now, h.cfg.Raft, state)
	if err != nil {
		return fmt.Errorf("start the algorithm: %w", err)
	}
	h.core = core
	h.traceStart(state)
	h.logging.committed = state.Committed
	h.noteChange()
	h.noteRemoval()
	h.execute(nil)
	return h.err
}

// knownCommitted is the last entry here that must have been committed: what a snapshot
// holds, and what a state on a disk of its own does, for it was applied. A leader may need
// to know: one whose only snapshot is damaged takes another when its state is that of an
// entry, and its followers may need the snapshot before they can commit anything.
func (h *Host) knownCommitted() wire.Index {
	held, ok := h.cfg.Machine.Durable()
	if !ok || held > h.log.Last().Index {
		return h.applying.at.Index
	}
	return max(held, h.applying.at.Index)
}

// Turn does all that can be done now without waiting.
func (h *Host) Turn(now Now) Output {
	h.now, h.wall = max(h.now, now.Mono), now.Wall
	if h.err == nil {
		h.arrivals = h.cfg.Transport.Drain(h.arrivals[:0])
		for i := range h.arrivals {
			h.arrive(&h.arrivals[i])
		}
		clear(h.arrivals)
		h.turnStanding()
	}
	if h.err == nil && h.core != nil {
		if h.now >= h.core.Deadline() && !h.standing.removed {
			h.step(raft.Tick{})
		}
		h.turnContact()
		h.turnAlone()
		h.turnOutbox()
		h.turnFresh()
		h.turnReads()
		h.turnUpkeep()
		h.turnControls()
		h.installReceived()
		h.turnSending()
		h.turnInstall()
		h.turnStaged()
		h.turnSnapshots()
		h.turnCaptures()
		h.turnUnread()
		h.startFlush()
		h.prepareLog()
		h.startApply()
		h.turnNews()
		h.meterProposals()
	}
	h.out.Deadline = h.deadline()
	out := h.out
	h.out = Output{}
	return out
}

// deadline is the earliest moment at which something is due.
func (h *Host) deadline() time.Duration {
	const idle = time.Hour
	due := h.now + idle
	if h.err != nil {
		return due
	}
	due = min(due, h.standing.due())
	if h.core != nil {
		due = min(due, h.reads.due(h.now), h.logging.due(), h.news.due(), h.sendingDue(), h.aloneDue(), h.upkeepDue(), h.installDue())
	}
	if h.core != nil && !h.standing.removed {
		due = min(due, h.core.Deadline())
	}
	// What is sent to the leader waits while there is none, and a leader's own proposals
	// while the log is being written.
	if h.view.Leader != 0 {
		due = min(due, h.controls.due())
	}
	if h.mayDeliver() {
		due = min(due, h.outbox.due())
		if at := h.nextForward(); at > h.now {
			due = min(due, at)
		}
	}
	return due
}

// fail stops the member: from here on it does nothing more. The first reason stays.
func (h *Host) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// Err is why the member has stopped by itself, nil while it has not.
func (h *Host) Err() error { return h.err }

// Close lets go of the files. No task may be under way.
func (h *Host) Close() error { return h.closeFiles() }

func (h *Host) closeFiles() error {
	var errs []error
	h.closeTransfers()
	h.endReading()
	if h.log != nil {
		errs = append(errs, h.log.Close())
	}
	return errors.Join(errs...)
}
