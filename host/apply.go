package host

import (
	"fmt"
	"io"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// applying is how far the state machine has come.
type applying struct {
	at         wire.Pos // the last entry in the state
	time       int64    // its replicated time
	membership wire.Membership
	memberAt   wire.Index // the entry that holds membership, or a snapshot's that does
	bytes      int64      // of log applied since the newest snapshot
	view       *wal.View  // reads what is applied next, while that is too old to be in memory
	staged     staged
}

// maxApplyBytes bounds what one task applies, so that reads and snapshots get their
// turn in between.
const maxApplyBytes = 2 << 20

// applyLimit is up to where entries may be applied. A machine with a disk of its own
// must not be ahead of the log on this one, which a crash could take back.
func (h *Host) applyLimit() wire.Index {
	if _, durable := h.cfg.Machine.Durable(); !durable {
		return h.logging.committed
	}
	return min(h.logging.committed, h.core.Durable())
}

// startApply hands the next committed entries to the state machine.
func (h *Host) startApply() {
	if h.applyBusy() || h.applying.at.Index >= h.logging.committed {
		return
	}
	limit := h.applyLimit()
	if h.applying.at.Index >= limit {
		return
	}
	first := h.applying.at.Index + 1
	if batches, ok := h.log.Cached(first, limit, maxApplyBytes); ok {
		h.endReading()
		h.apply(batches, nil)
		return
	}
	view, err := h.entriesFrom(first, limit)
	if err != nil {
		h.fail(fmt.Errorf("apply entry %d: %w", first, err))
		return
	}
	h.apply(nil, view)
}

// entriesFrom is a view of the entries from first on. A task seldom applies all that a view
// has; the next one goes on with it, as another would have to find its place again.
func (h *Host) entriesFrom(first, limit wire.Index) (view *wal.View, err error) {
	if v := h.applying.view; v != nil && v.Next() == first {
		return v, nil
	}
	h.endReading()
	h.applying.view, err = h.log.View(first, limit)
	return h.applying.view, err
}

// endReading lets the view go, and with it the files that it keeps.
func (h *Host) endReading() {
	if v := h.applying.view; v != nil {
		_ = v.Close() // it was read, no more
		h.applying.view = nil
	}
}

// apply begins to apply batches, or those that view reads.
func (h *Host) apply(batches []wire.Batch, view *wal.View) {
	in := ApplyInput{Batches: batches, Own: h.outbox.session, HashEvery: h.cfg.HashEvery}
	meter := &h.cfg.Meter
	var out ApplyOutput
	var took time.Duration
	var err error
	h.begin(ApplyLane, func() {
		if view != nil {
			in.Batches, err = view.Read(maxApplyBytes)
		}
		if err == nil && len(in.Batches) > 0 {
			began := meter.clock()
			out, err = h.cfg.Machine.Apply(in)
			took = meter.clock() - began
		}
	}, func() {
		if view != nil && view.Next() == 0 {
			h.endReading()
		}
		if meter.Applied != nil && err == nil {
			meter.Applied(applyOf(in.Batches, took, view == nil))
		}
		if err == nil && out.Install != nil {
			h.beginInstall(in, out)
			return
		}
		h.applied(in, out, err)
	})
}

// applyBusy says whether the state machine is at work, or is not to be given any: it stops
// at the last entry of a restore until that is the state.
func (h *Host) applyBusy() bool { return h.busy[ApplyLane] || h.installing != nil }

// applied takes note of what the machine has applied.
func (h *Host) applied(in ApplyInput, out ApplyOutput, err error) {
	if err != nil {
		h.fail(err)
		return
	}
	if len(in.Batches) == 0 {
		h.fail(fmt.Errorf("host: entry %d is committed, but the log does not hold it", h.applying.at.Index+1))
		return
	}
	a := &h.applying
	for _, b := range in.Batches {
		a.bytes += int64(len(b))
		if m := membershipOf(b); m != nil {
			a.membership, a.memberAt = *m, b.Last()
		}
		a.at, a.time = b.End(), b.Time()
	}
	h.log.Read(a.at.Index)
	h.noteStaged(out.Staged)
	h.fresh.refresh(a.at.Index)
	h.noteRemoval()
	h.outbox.answered(in.Own, out)
	h.refused(out.Refused)
	h.step(raft.Applied{Index: a.at.Index})
	h.releaseReads()
	h.hashed(out.Hashes)
}

// membershipOf is the membership that a batch holds, nil if it holds none. The batch
// was checked when it came in.
func membershipOf(b wire.Batch) *wire.Membership {
	for _, e := range b.Entries() {
		if e.Kind != wire.KindMembership {
			return nil
		}
		break
	}
	span, err := b.Span()
	if err != nil {
		return nil
	}
	return span.Membership
}

// restore begins to replace the state by a snapshot's content.
func (h *Host) restore(meta snapshot.Meta, size int64, r io.Reader, done func(ApplyInput, ApplyOutput, error)) {
	h.endReading()
	in := ApplyInput{Own: h.outbox.session, At: meta.Pos, Time: meta.Time}
	work := SnapshotWork{Step: SnapshotRestore, Index: meta.Pos.Index, Bytes: size}
	var out ApplyOutput
	h.begin(ApplyLane,
		h.timed(&work, func() (err error) {
			out, err = h.cfg.Machine.Restore(in, interruptible{Reader: r, stopping: &h.stopping})
			return err
		}),
		func() {
			h.meterSnapshot(work)
			done(in, out, work.Err)
		})
}
