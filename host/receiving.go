package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

// receiving is a snapshot that comes in. Its pieces are written by tasks; once the
// last is there the file is checked and made durable, then it becomes the state, and
// then the log starts after it.
type receiving struct {
	from     wire.MemberID
	round    uint64
	pos      wire.Pos
	cluster  wire.ClusterID
	id       uint64
	began    time.Duration
	received int64
	file     *snapshot.Receiver // nil until the first task has opened it
	pieces   []*wire.Message
	durable  bool // it is whole and on the disk
	restored bool // it is being made the state, or waits for that
}

// maxPieces bounds the pieces that wait to be written; more are dropped and come
// again.
const maxPieces = 2 * windowBytes / chunkBytes

// onSnapshotChunk takes a piece of a snapshot, if it is the leader's and newer than
// the state.
func (h *Host) onSnapshotChunk(m *wire.Message) {
	if m.Term != h.view.Term || m.From != h.view.Leader {
		return
	}
	switch known := max(h.applying.at.Index, h.logging.committed); {
	case m.Pos.Index <= min(known, h.core.Durable()):
		h.reply(m, wire.Message{Kind: wire.SnapshotReply, Pos: m.Pos, Round: m.Round, Done: true})
		return
	case m.Pos.Index <= known:
		return // it is on its way to the disk, and the next piece finds it there
	}
	r := h.receives
	if r != nil && (r.pos != m.Pos || r.id != m.ID) {
		if h.busy[ReceiveLane] || r.durable {
			return
		}
		r.drop()
		r = nil
	}
	if r == nil {
		r = &receiving{pos: m.Pos, id: m.ID, cluster: h.card.Cluster, began: h.now}
		h.receives = r
		h.event(Event{Kind: SnapshotReceiving, Member: m.From, Index: m.Pos.Index})
	}
	r.from, r.round = m.From, m.Round
	if len(r.pieces) < maxPieces {
		r.pieces = append(r.pieces, m)
	}
	h.writePieces()
}

func (r *receiving) drop() {
	if r.file != nil {
		r.file.Abort()
	}
}

// writePieces writes what has come, and answers how far it is.
func (h *Host) writePieces() {
	r := h.receives
	if h.busy[ReceiveLane] || len(r.pieces) == 0 {
		return
	}
	if r.durable {
		r.pieces = nil
		h.answerPieces(r, nil)
		return
	}
	pieces := r.pieces
	r.pieces = nil
	var whole bool
	var err error
	h.begin(ReceiveLane,
		func() { whole, err = r.write(h.snapshots, pieces) },
		func() {
			// Not before: a turn meanwhile would take the task's word for the host's.
			r.durable = whole
			h.wrotePieces(r, err)
		})
}

// write writes pieces, and says whether the snapshot is whole and durable with them.
// It runs beside the host: of r, the file alone is its own.
func (r *receiving) write(store *snapshot.Store, pieces []*wire.Message) (whole bool, err error) {
	if r.file == nil {
		if r.file, err = store.Receive(snapshot.Meta{Pos: r.pos, ID: r.id, Cluster: r.cluster}); err != nil {
			return false, err
		}
	}
	for _, m := range pieces {
		if int64(m.Index) != r.file.Offset() {
			continue // a piece before it was lost: the answer says where to go on
		}
		if len(m.Data) > 0 {
			if err := r.file.Write(int64(m.Index), m.Data); err != nil {
				return false, err
			}
		}
		if m.Done {
			if err := r.file.Commit(); err != nil {
				return false, err
			}
			whole = true
		}
	}
	return whole, nil
}

func (h *Host) wrotePieces(r *receiving, err error) {
	h.failWithDirectory(err)
	if err != nil {
		h.meterReceiving(r, err)
		if errors.Is(err, fsys.ErrNoSpace) {
			h.event(Event{Kind: DiskFull, Err: err})
		}
		h.cfg.Logger.Error("a snapshot that came in could not be kept", "at", r.pos, "peer", r.from, "error", err)
		h.answerPieces(r, err)
		r.discard(err)
		h.receives = nil
		return
	}
	h.answerPieces(r, nil)
	if r.durable {
		h.meterReceiving(r, nil)
		h.installReceived()
		return
	}
	h.writePieces()
}

// discard removes what a damaged transfer left; what a full disk cut short is kept,
// so that it goes on where it was.
func (r *receiving) discard(err error) {
	if r.file == nil || r.durable {
		return
	}
	if errors.Is(err, fsys.ErrNoSpace) {
		r.file.Abort()
		return
	}
	r.file.Discard()
}

func (h *Host) answerPieces(r *receiving, err error) {
	m := wire.Message{
		Kind: wire.SnapshotReply, From: h.card.ID, To: r.from, Term: h.view.Term, Pos: r.pos, Round: r.round,
	}
	if err != nil {
		m.Reject, m.Data = true, []byte(err.Error())
	} else {
		r.received = r.file.Offset()
		m.Index = wire.Index(r.received)
	}
	h.cfg.Transport.Send(h.contact.peer(r.from), &m)
}

// installReceived makes a durable snapshot the state, as soon as no apply is under
// way. One from after a backup that is being made the state stands for that, too.
func (h *Host) installReceived() {
	r := h.receives
	if r == nil || !r.durable || r.restored || h.busy[ApplyLane] {
		return
	}
	if h.installing != nil {
		if r.pos.Index < h.installing.meta.Pos.Index {
			return
		}
		h.installing = nil
	}
	if r.pos.Index <= h.applying.at.Index {
		h.receives = nil // the log has overtaken it
		return
	}
	reader, err := h.snapshots.Open(r.pos)
	if err != nil {
		h.fail(fmt.Errorf("restore the snapshot at %s: %w", r.pos, err))
		return
	}
	r.restored = true
	meta, size := reader.Meta(), reader.Size()
	h.restore(meta, size, reader, func(in ApplyInput, out ApplyOutput, err error) {
		reader.Close()
		if err != nil {
			h.fail(fmt.Errorf("restore the snapshot at %s: %w", r.pos, err))
			return
		}
		h.captures.size = size
		h.installed(meta, r, in, out)
	})
}

// installed lets log and algorithm go on after the snapshot.
func (h *Host) installed(meta snapshot.Meta, r *receiving, in ApplyInput, out ApplyOutput) {
	h.receives = nil
	a := &h.applying
	a.at, a.time, a.membership, a.memberAt, a.bytes = meta.Pos, meta.Time, meta.Membership, meta.Pos.Index, 0
	h.noteStaged(out.Staged)
	h.fresh.refresh(a.at.Index)
	h.noteRemoval()
	if term, ok := h.core.TermAt(meta.Pos.Index); ok && term == meta.Pos.Term {
		h.log.Compact(meta.Pos)
	} else {
		h.log.Reset(meta.Pos)
	}
	h.outbox.answered(in.Own, out) // what it says of a session is of that one
	h.refused(out.Refused)
	h.outbox.skipped()
	h.step(raft.SnapshotInstalled{Pos: meta.Pos, Membership: meta.Membership, From: r.from})
	h.logging.committed = max(h.logging.committed, meta.Pos.Index)
	h.event(Event{Kind: SnapshotInstalled, Index: meta.Pos.Index})
	h.releaseReads()
}

// closeTransfers lets go of the files of transfers, for the end.
func (h *Host) closeTransfers() {
	for _, s := range h.sending {
		if s.source != nil {
			s.source.Close()
		}
	}
	if h.receives != nil {
		h.receives.drop()
	}
}
