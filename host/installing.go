package host

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// A backup that is restored into the running cluster lies in the log in pieces, and
// becomes the state with the last entry of the restore, on every member at that index
// (package restoring). The member makes a snapshot of it first, as of that entry, and then
// that the state: so a crash leaves either the log, from which it is all done again, or the
// snapshot, from which the member starts as from any other.

// Install is what becomes the state with the last entry of a restore.
type Install struct {
	At   wire.Index // of that entry
	Head []byte     // what the snapshot begins with: this cluster's sessions
	// Pieces are where those of the state are in the log, which follow the head.
	Pieces []wire.Index
	ID     restoring.ID
	Finish restoring.Finish
}

// installing is a backup that is being made the state. Nothing is applied meanwhile.
type installing struct {
	in    ApplyInput // what was applied on the way, up to the entry
	out   ApplyOutput
	meta  snapshot.Meta
	again time.Duration // when to try again on a disk that was full
}

// roomPause is how long a full disk is left alone.
const roomPause = time.Second

func (h *Host) beginInstall(in ApplyInput, out ApplyOutput) {
	in.Batches = untilEntry(in.Batches, out.Install.At)
	last := in.Batches[len(in.Batches)-1]
	meta := snapshot.Meta{
		Pos: last.End(), Time: last.Time(), Membership: h.applying.membership, ID: h.cfg.Random(), Cluster: h.card.Cluster,
	}
	for _, b := range in.Batches {
		if m := membershipOf(b); m != nil {
			meta.Membership = *m
		}
	}
	h.endReading()
	h.installing = &installing{in: in, out: out, meta: meta}
	h.turnInstall()
}

// untilEntry is the part of batches that ends with an entry.
func untilEntry(batches []wire.Batch, last wire.Index) []wire.Batch {
	i := slices.IndexFunc(batches, func(b wire.Batch) bool { return b.Last() >= last })
	return append(slices.Clone(batches[:i]), batches[i].Until(last))
}

// turnInstall writes the snapshot, and makes it the state.
func (h *Host) turnInstall() {
	i := h.installing
	if i == nil || h.busy[ApplyLane] || h.now < i.again {
		return
	}
	order := i.out.Install
	view, err := h.log.View(slices.Min(order.Pieces), order.At)
	if err != nil {
		h.fail(fmt.Errorf("read the pieces of the backup: %w", err))
		return
	}
	in := ApplyInput{Own: i.in.Own, At: i.meta.Pos, Time: i.meta.Time}
	work := SnapshotWork{Step: SnapshotRestore, Index: order.At}
	var out ApplyOutput
	var full bool // the disk, before the state was touched
	h.begin(ApplyLane,
		h.timed(&work, func() (err error) {
			defer view.Close()
			if work.Bytes, err = h.writeSnapshot(i.meta, &assembly{order, view}); err != nil {
				full = errors.Is(err, fsys.ErrNoSpace) && !errors.Is(err, snapshot.ErrDirectory)
				return err
			}
			r, err := h.snapshots.Open(i.meta.Pos)
			if err != nil {
				return err
			}
			defer r.Close()
			out, err = h.cfg.Machine.Restore(in, interruptible{Reader: r, stopping: &h.stopping})
			return err
		}),
		func() {
			h.meterSnapshot(work)
			switch {
			case full:
				h.awaitRoom(work.Err)
			case errors.Is(work.Err, snapshot.ErrNotFound) && h.receives != nil && h.receives.durable:
				// A later one that came meanwhile has taken its place, and becomes the state.
			default:
				h.installedBackup(out, work)
			}
		})
}

// awaitRoom tries again later. The others go on.
func (h *Host) awaitRoom(err error) {
	i := h.installing
	i.again = h.now + roomPause
	h.cfg.Logger.Error("a backup cannot be made the state, nothing is applied until there is room", "at", i.meta.Pos, "error", err)
	h.event(Event{Kind: DiskFull, Err: err})
}

func (h *Host) installedBackup(out ApplyOutput, work SnapshotWork) {
	i := h.installing
	h.installing = nil
	if work.Err != nil {
		h.fail(fmt.Errorf("make a backup the state at %s: %w", i.meta.Pos, work.Err))
		return
	}
	out.Expired = out.Expired || i.out.Expired
	out.Refused, out.Hashes = append(i.out.Refused, out.Refused...), i.out.Hashes
	h.applied(i.in, out, nil)
	h.applying.bytes, h.captures.size = 0, work.Bytes
	h.event(Event{Kind: Restored, Index: i.meta.Pos.Index})
	h.compact()
	h.resumeSending()
}

func (h *Host) installDue() time.Duration {
	due := never
	if h.installing != nil && !h.busy[ApplyLane] {
		due = h.installing.again
	}
	if h.applying.staged.ID != 0 && h.view.Role == raft.Leader && !h.busy[LogLane] {
		due = min(due, h.applying.staged.until())
	}
	return due
}

// staged is the restore that is under way, if one is.
type staged struct {
	restoring.Progress
	since time.Duration // when the last piece came, or this leader began to look
}

// until is how long a leader waits for somebody to go on with it.
func (s *staged) until() time.Duration { return s.since + restoring.Patience }

func (h *Host) noteStaged(p restoring.Progress) {
	if s := &h.applying.staged; s.Progress != p {
		*s = staged{p, h.now}
	}
}

// turnStaged gives up a restore that nobody goes on with: no snapshot is taken before.
func (h *Host) turnStaged() {
	s := &h.applying.staged
	switch {
	case s.ID == 0:
	case h.view.Role != raft.Leader:
		s.since = h.now
	case h.now >= s.until() && !h.busy[LogLane]:
		s.since = h.now // again later, should it not be committed
		payload := restoring.AppendGiveUp(session.Envelope{Seq: 1, Low: 1}.Append(nil), s.ID)
		h.appendForNobody(wire.AppendEntry(wire.NewBody(len(payload)+8), wire.KindRestore, payload), 1)
	}
}

// maxNoops is how many entries that do nothing are appended at a time, two bytes each.
const maxNoops = 256 << 10

// appendNoops appends entries that do nothing.
func (h *Host) appendNoops(count int) {
	body := wire.NewBody(2 * count)
	for range count {
		body = wire.AppendEntry(body, wire.KindNoop, nil)
	}
	h.appendForNobody(body, count)
}

// appendForNobody appends entries whose outcome nobody waits for. What the algorithm does
// not take now comes with a later turn.
func (h *Host) appendForNobody(body []byte, count int) {
	if _, err := h.appendBody(body, count); err != nil {
		h.cfg.Logger.Debug("an entry of this leader's own was not appended", "error", err)
	}
}

// mostReach bounds by how much Reach makes a log longer.
const mostReach = 1 << 30

// carryOutReach makes the log longer, so that entries to come have greater indexes than
// those of a backup that is of a longer log.
func (h *Host) carryOutReach(o *operation) (done bool, err error) {
	last := h.core.Status().Last.Index
	switch missing := o.command.Index - last; {
	case h.applying.at.Index >= o.command.Index:
		return true, nil
	case o.command.Index > last+mostReach:
		return true, fmt.Errorf("the log ends at entry %d, and to reach %d it would have to grow by more than %d entries; make a new cluster of the backup instead", last, o.command.Index, wire.Index(mostReach))
	case o.command.Index > last && !h.busy[LogLane]:
		h.appendNoops(int(min(missing, maxNoops)))
	}
	return false, nil
}

// assembly is the content of a snapshot whose state lies in the log in pieces.
type assembly struct {
	*Install
	view *wal.View
}

// WriteTo implements io.WriterTo. What it writes is the backup's to the last byte, or an
// error.
func (a *assembly) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(a.Head)
	written := int64(n)
	if err != nil {
		return written, err
	}
	sum, bytes, next := uint32(0), int64(0), 0
	early := map[int][]byte{} // pieces that stand before one of a lower number
	for next < len(a.Pieces) {
		batches, err := a.view.Read(maxApplyBytes)
		if err != nil {
			return written, err
		}
		if len(batches) == 0 {
			return written, fmt.Errorf("host: piece %d of %d of a backup is not in the log", next, len(a.Pieces))
		}
		for _, b := range batches {
			a.take(b, early)
		}
		for data, found := early[next]; found; data, found = early[next] {
			delete(early, next)
			n, err := w.Write(data)
			written += int64(n)
			if err != nil {
				return written, err
			}
			sum, bytes, next = crc32.Update(sum, wire.Castagnoli, data), bytes+int64(len(data)), next+1
		}
	}
	if sum != a.Finish.Sum || bytes != a.Finish.Bytes {
		return written, fmt.Errorf("host: the pieces of a backup in the log are %d bytes that sum up to %08x, and were %d with %08x", bytes, sum, a.Finish.Bytes, a.Finish.Sum)
	}
	return written, nil
}

// take picks the pieces out of a batch.
func (a *assembly) take(b wire.Batch, into map[int][]byte) {
	for index, e := range b.Entries() {
		if e.Kind != wire.KindRestore {
			continue
		}
		// That it can be read was seen when it was applied.
		_, rest, err := session.Cut(e.Payload)
		if err != nil {
			continue
		}
		r, err := restoring.Cut(rest)
		if err == nil && r.Step == restoring.StepPiece && r.ID == a.ID && r.Number < len(a.Pieces) && a.Pieces[r.Number] == index {
			into[r.Number] = r.Data
		}
	}
}
