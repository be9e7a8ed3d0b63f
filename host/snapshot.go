package host

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

// captures is the taking of this member's own snapshots.
type captures struct {
	wanted  bool          // as soon as possible, whatever the log's size
	waiting []func(error) // who asked for it, told when it is durable
	running []func(error) // those of the one under way
	failed  error         // why the last one failed
	resume  int64         // bytes applied at which to try again after a failure
	size    int64         // bytes of state in the newest snapshot that was written or restored
	writing writing       // how far the one under way is

	asked []func(Captured) // who wants the state for themselves
}

// TakeSnapshot asks for a snapshot of the present state. done is called by Finish,
// once it is durable or has failed.
func (h *Host) TakeSnapshot(done func(error)) {
	h.captures.wanted = true
	h.captures.waiting = append(h.captures.waiting, done)
}

// Snapshots are the snapshots on disk. The store may be used from any goroutine.
func (h *Host) Snapshots() *snapshot.Store { return h.snapshots }

// turnSnapshots takes a snapshot when the log since the last one has outgrown its
// bound. The bound grows with the state, so that writing snapshots never costs more
// than writing the log.
func (h *Host) turnSnapshots() {
	c := &h.captures
	due := h.applying.bytes >= max(h.cfg.SnapshotBytes, c.size, c.resume)
	if !c.wanted && !due || h.applyBusy() || h.applying.staged.ID != 0 || h.busy[SnapshotLane] || len(c.running) > 0 {
		return
	}
	if latest, ok := h.snapshots.Latest(); ok && latest.Pos == h.applying.at || h.applying.at.Index == 0 {
		c.finish(nil)
		c.wanted = false
		return
	}
	c.wanted = false
	c.running, c.waiting = append(c.waiting, func(error) {}), nil
	h.capture()
}

func (c *captures) finish(err error) {
	for _, done := range append(c.running, c.waiting...) {
		done(err)
	}
	c.running, c.waiting = nil, nil
}

// capture takes hold of the state, which no apply changes meanwhile, and then writes
// it beside the applies that follow.
func (h *Host) capture() {
	meta := h.snapshotMeta()
	work := SnapshotWork{Step: SnapshotCapture, Index: meta.Pos.Index}
	var state io.WriterTo
	h.begin(ApplyLane,
		h.timed(&work, func() (err error) {
			state, err = h.cfg.Machine.Capture()
			return err
		}),
		func() {
			h.meterSnapshot(work)
			if work.Err != nil {
				h.captured(meta, fmt.Errorf("capture the state at %s: %w", meta.Pos, work.Err))
				return
			}
			h.applying.bytes = 0
			h.write(meta, state)
		})
}

// snapshotMeta is what a snapshot of the present state is of.
func (h *Host) snapshotMeta() snapshot.Meta {
	return snapshot.Meta{
		Pos: h.applying.at, Time: h.applying.time, Membership: h.applying.membership,
		ID: h.cfg.Random(), Cluster: h.card.Cluster,
	}
}

func (h *Host) write(meta snapshot.Meta, state io.WriterTo) {
	work := SnapshotWork{Step: SnapshotWrite, Index: meta.Pos.Index}
	h.begin(SnapshotLane,
		h.timed(&work, func() (err error) {
			work.Bytes, err = h.writeSnapshot(meta, state)
			return err
		}),
		func() {
			h.meterSnapshot(work)
			if work.Err == nil {
				h.captures.size = work.Bytes
			}
			h.captured(meta, work.Err)
		})
}

// writing is how far a snapshot is that a task writes.
type writing struct {
	index atomic.Uint64 // up to which entries are in it; 0 while none is written
	bytes atomic.Int64
}

func (h *Host) writeSnapshot(meta snapshot.Meta, state io.WriterTo) (size int64, err error) {
	w, err := h.snapshots.Create(meta)
	if err != nil {
		return 0, err
	}
	now := &h.captures.writing
	now.bytes.Store(0)
	now.index.Store(uint64(meta.Pos.Index))
	defer now.index.Store(0)
	counted := &counting{Writer: w, told: &now.bytes}
	if _, err := state.WriteTo(interruptible{Writer: counted, stopping: &h.stopping}); err != nil {
		w.Abort()
		return 0, fmt.Errorf("write the snapshot at %s: %w", meta.Pos, err)
	}
	return counted.bytes, w.Commit()
}

// counting is a writer that knows how much was written, whatever the state machine says.
type counting struct {
	io.Writer
	bytes int64
	told  *atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.bytes += int64(n)
	c.told.Store(c.bytes)
	return n, err
}

// captured frees the log that the snapshot stands for, or says why there is none; the
// log then goes on growing, and nothing is lost.
func (h *Host) captured(meta snapshot.Meta, err error) {
	c := &h.captures
	c.failed = err
	if h.failWithDirectory(err); h.err != nil || errors.Is(err, errStopping) { // there is no log that could go on growing
		c.finish(err)
		return
	}
	if err != nil {
		c.resume = h.applying.bytes + h.cfg.SnapshotBytes
		h.cfg.Logger.Error("no snapshot was taken, the log keeps growing", "at", meta.Pos, "error", err)
		h.event(Event{Kind: SnapshotFailed, Err: err})
		if errors.Is(err, fsys.ErrNoSpace) {
			h.event(Event{Kind: DiskFull, Err: err})
		}
		h.abandonWaiting(err)
	} else {
		c.resume = 0
		h.event(Event{Kind: SnapshotTaken, Index: meta.Pos.Index})
		h.compact()
		h.resumeSending()
	}
	c.finish(err)
}

// failWithDirectory stops the member if its directory could not be synced: names that
// the log has made in it may be lost, and no later sync would say so.
func (h *Host) failWithDirectory(err error) {
	if errors.Is(err, snapshot.ErrDirectory) {
		h.fail(err)
	}
}

// compact drops the log up to the oldest snapshot that is kept, and not what a member
// that is being sent a snapshot will need right after it; unless the log outgrows that
// snapshot meanwhile: then it is written faster than that member could read it.
func (h *Host) compact() {
	all := h.snapshots.All()
	if len(all) < h.cfg.KeepSnapshots {
		return
	}
	upTo := all[0].Pos
	for _, meta := range all {
		if meta.Pos.Index < upTo.Index {
			upTo = meta.Pos
		}
	}
	for _, s := range h.sending {
		if s.source != nil && s.meta.Pos.Index < upTo.Index && h.log.DiskBytes() < h.worthKeeping(s) {
			return
		}
	}
	// One that came from the leader and is not the state yet may be ahead of the log.
	if upTo.Index <= h.log.Start().Index || upTo.Index > h.applying.at.Index {
		return
	}
	h.log.Compact(upTo)
	if h.core != nil {
		h.step(raft.Compacted{Pos: upTo})
	}
}

// worthKeeping is up to how many bytes of log wait for a transfer. Another snapshot is
// less to send than more of them would be, and a member that is slow for hours must not
// fill this one's disk.
func (h *Host) worthKeeping(s *sending) int64 { return s.source.Size() + 4*h.cfg.SnapshotBytes }

// errNoState says that the log starts after what any snapshot holds: a snapshot is gone.
var errNoState = fmt.Errorf("no snapshot holds what the log no longer does: the directory is %w", fsys.ErrDamaged)

// errTouched says that there is no state to apply the log to.
var errTouched = errors.New("the state machine may hold a part of a snapshot that it failed to restore, so that the log is not replayed into it: mend what it says and start again, or start with an empty directory, and it copies from its peers")

// restoreNewest brings the state back from the newest snapshot that is whole. An
// older one will do while the log reaches back to it, and the log alone if it holds all.
func (h *Host) restoreNewest() error {
	all := h.snapshots.All()
	damage := errors.Join(h.snapshots.Damaged()...)
	for i := range all {
		meta := newestBut(all, i)
		if meta.Pos.Index < h.log.Start().Index {
			break // the log does not reach back to it
		}
		err := h.restoreAtStart(meta)
		if err == nil {
			return h.joinLogToSnapshot(damage)
		}
		damage = errors.Join(damage, fmt.Errorf("snapshot at %s: %w", meta.Pos, err))
		h.cfg.Logger.Error("a snapshot cannot be restored; an older one is used if the log reaches back to it", "at", meta.Pos, "error", err)
	}
	if h.touched {
		return errors.Join(damage, errTouched)
	}
	return h.joinLogToSnapshot(damage)
}

// newestBut is the snapshot that i others are newer than.
func newestBut(all []snapshot.Meta, i int) snapshot.Meta {
	for _, meta := range all {
		newer := 0
		for _, other := range all {
			if other.Pos.Index > meta.Pos.Index {
				newer++
			}
		}
		if newer == i {
			return meta
		}
	}
	return snapshot.Meta{}
}

// restoreAtStart reads a snapshot before it touches the state: of one that is damaged nothing
// may be left in it, neither by the state machine nor in the sessions, where the log is
// replayed instead. A state with a disk of its own that holds as much is not touched, and
// what else is in the snapshot need not be read now.
func (h *Host) restoreAtStart(meta snapshot.Meta) error {
	if held, durable := h.cfg.Machine.Durable(); !durable || held < meta.Pos.Index {
		if err := h.readWhole(meta.Pos); err != nil {
			return err
		}
	}
	r, err := h.snapshots.Open(meta.Pos)
	if err != nil {
		return err
	}
	defer r.Close()
	h.touched = true
	if _, err := h.cfg.Machine.Restore(ApplyInput{At: meta.Pos, Time: meta.Time}, r); err != nil {
		return err
	}
	h.applying.at, h.applying.time = meta.Pos, meta.Time
	h.applying.membership, h.applying.memberAt = meta.Membership, meta.Pos.Index
	h.captures.size = r.Size()
	if !r.Whole() {
		h.unread = unread{meta.Pos}
	}
	return nil
}

// joinLogToSnapshot makes sure that the log goes on where the state ends. A crash may
// have come between a snapshot's arrival and the log's restart after it.
func (h *Host) joinLogToSnapshot(damage error) error {
	at, start, last := h.applying.at, h.log.Start(), h.log.Last()
	switch {
	case at.Index < start.Index:
		return errors.Join(damage, fmt.Errorf("the log starts after %s, the state ends at %s: %w", start, at, errNoState))
	case at.Index > last.Index || !h.logHolds(at):
		h.log.Reset(at)
	}
	return nil
}

// logHolds says whether the log agrees with a position: the entry there, or the place
// before its first, has that term.
func (h *Host) logHolds(at wire.Pos) bool {
	if at == h.log.Start() {
		return true
	}
	for s := range h.log.Spans() {
		if s.First <= at.Index && at.Index <= s.Last {
			return s.Term == at.Term
		}
	}
	return false
}
