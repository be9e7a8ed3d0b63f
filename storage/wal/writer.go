package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// maxReserve is how many bytes at the end of a segment batches leave free: room for
// a hundred records of a term, a vote or a compaction when the disk is full.
const maxReserve = 4 << 10

// mostLeft is which part of a segment may be left at its end by a batch that does not fit.
const mostLeft = 128

// writer puts records into segments. It belongs to the flush that is under way, and
// to the log's owner while none is.
type writer struct {
	files   fsys.FS
	spares  *spares
	member  wire.MemberID
	reserve int64

	tail  tail
	ready []*segment // named and empty, the next ones in order
	held  *segment   // whose handle the writer holds

	pen     pen
	small   [smallPayload]byte // memory for a payload
	batches []wire.Batch       // memory for what is staged
}

// tail is where the log ends on disk.
type tail struct {
	seg      *segment // nil if there is none yet
	offset   int64    // of the next record
	sealed   bool     // the segment has its last record
	prev     uint32   // checksum of the last record
	state    state    // what the records add up to
	marked   int64    // offset of the last mark in the segment, 0 if it has none
	unmarked bool     // the next batch gets a mark in any case
}

// mark says whether the batch that comes next gets a mark, and which.
func (t *tail) mark(b wire.Batch) (mark, bool) {
	if b.First() > t.state.last.Index && !t.unmarked && t.marked != 0 && t.offset-t.marked < markEvery {
		return mark{}, false
	}
	t.marked, t.unmarked = t.offset, false
	return mark{first: b.First(), offset: t.offset, seg: t.seg}, true
}

// A plan is a flush laid out: where its records go, and where the log ends then. Nothing
// of the log has been written yet, so it can still be given up. To write it is to lay it
// out once more, with a pen: the segments that it takes are there by then.
type plan struct {
	tail
	writer  *writer
	hard    HardState
	staged  staged
	reserve int64 // of the segment's end, not to be used
	flush   int64 // where the flush begins in the segment
	pen     *pen  // nil while nothing is written
	marks   marks
	born    []*segment
}

// layOut plans to write s. It needs segments and makes them where there are none, so
// it is here that a full disk shows.
func (w *writer) layOut(hard HardState, s staged, reserve int64) (plan, error) {
	p := plan{tail: w.tail, writer: w, hard: hard, staged: s, reserve: reserve, flush: w.tail.offset}
	return p, p.put()
}

// write makes a plan durable. Each segment is synced before the next is written, so
// that a segment's header proves that the one before it is whole. Any error is final.
func (w *writer) write(planned plan) error {
	p := planned
	p.tail, p.marks, p.born, p.flush, p.pen = w.tail, nil, nil, w.tail.offset, &w.pen
	if err := p.put(); err != nil {
		return failure(err)
	}
	if err := w.pen.lift(); err != nil {
		return failure(err)
	}
	w.tail = p.tail
	w.ready = w.ready[len(p.born):]
	return nil
}

func (p *plan) put() error {
	s, small := &p.staged, &p.writer.small
	if s.resets {
		if err := p.record(kindReset, putPos(small, s.start)); err != nil {
			return err
		}
		p.state.reset(s.start)
		p.unmarked = true
	}
	if s.hard {
		hard := p.hard
		hard.Promised = hard.Promised || p.seg != nil && p.seg.version < promiseVersion
		if err := p.record(kindHardState, putHardState(small, hard)); err != nil {
			return err
		}
		p.state.hard = hard
	}
	if err := p.entries(); err != nil {
		return err
	}
	if s.compact.Index > p.state.start.Index {
		if err := p.record(kindCompact, putPos(small, s.compact)); err != nil {
			return err
		}
		p.state.compact(s.compact)
	}
	return nil
}

func (p *plan) entries() error {
	for i := 0; i < len(p.staged.batches); i++ {
		if head, rest, ok := p.split(p.staged.batches[i]); ok {
			p.staged.batches = slices.Concat(p.staged.batches[:i], []wire.Batch{head, rest}, p.staged.batches[i+1:])
		}
		if err := p.batch(p.staged.batches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) batch(b wire.Batch) error {
	if err := p.makeRoom(len(b)); err != nil {
		return err
	}
	if m, ok := p.mark(b); ok {
		p.marks = append(p.marks, m)
	}
	if err := p.add(kindBatch, b); err != nil {
		return err
	}
	p.state.append(b)
	return nil
}

// split cuts a batch in two that does not fit into what is left of the segment, if much
// would be left: of the batches of thousands of callers, only some ten fill a segment. The
// first part fits, and takes all entries that do, so that both passes over a plan agree.
func (p *plan) split(b wire.Batch) (head, rest wire.Batch, ok bool) {
	if p.seg == nil || p.sealed {
		return nil, nil, false
	}
	room := p.room()
	if recordSize(len(b)) <= room || room < p.seg.size/mostLeft {
		return nil, nil, false
	}
	last := b.LastWithin(int(room) - recordHeaderSize)
	if last < b.First() {
		return nil, nil, false
	}
	return b.Until(last), b.From(last + 1), true
}

// room is how large a record may be to fit into the segment.
func (p *plan) room() int64 {
	return (p.seg.size - p.reserve - sealSize - p.offset) / recordAlign * recordAlign
}

func (p *plan) record(kind recordKind, payload []byte) error {
	if err := p.makeRoom(len(payload)); err != nil {
		return err
	}
	return p.add(kind, payload)
}

// add puts a record where the plan ends.
func (p *plan) add(kind recordKind, payload []byte) (err error) {
	if p.pen != nil {
		p.prev, err = p.pen.record(p.seg.seed, p.offset, p.flush, p.prev, kind, payload)
	}
	p.offset += recordSize(len(payload))
	return err
}

// makeRoom goes on in a new segment if a record does not fit into this one.
func (p *plan) makeRoom(payload int) error {
	size := recordSize(payload)
	if p.seg != nil && !p.sealed && size <= p.room() {
		return nil
	}
	next, err := p.writer.readySegment(len(p.born), headerSize+size+sealSize+p.writer.reserve)
	if err != nil {
		return err
	}
	if p.seg != nil && !p.sealed {
		if err := p.add(kindSeal, nil); err != nil {
			return err
		}
	}
	return p.begin(next)
}

// begin goes on in an empty segment, with its header.
func (p *plan) begin(seg *segment) (err error) {
	if p.pen != nil {
		err = p.pen.begin(seg, appendHeader(nil, header{sequence: seg.sequence, member: p.writer.member, prev: p.prev, size: seg.size, state: p.state}))
	}
	p.seg, p.offset, p.flush, p.sealed, p.marked = seg, headerSize, 0, false, 0
	p.born = append(p.born, seg)
	return err
}

// hold returns the open file of the segment to be written.
func (w *writer) hold(seg *segment) (fsys.File, error) {
	if w.held == seg {
		return seg.handle.file, nil
	}
	file, err := seg.handle.acquire(w.files, seg.name)
	if err != nil {
		return nil, err
	}
	err = w.close()
	w.held = seg
	return file, err
}

// close lets go of the file that is being written.
func (w *writer) close() error {
	seg := w.held
	w.held = nil
	if seg == nil {
		return nil
	}
	if err := seg.handle.release(); err != nil {
		return fmt.Errorf("close %s: %w", seg.name, err)
	}
	return nil
}

// readySegment returns the n-th segment after the tail, of at least a size: an empty
// file with its name, which a crash does not take back any more. Names become durable
// one after the other and before the seal that announces them, so that a missing
// segment is damage and never a crash.
func (w *writer) readySegment(n int, size int64) (*segment, error) {
	if n == len(w.ready) {
		seg, err := w.nameSegment(w.nextSequence(), size)
		if err != nil {
			return nil, err
		}
		w.ready = append(w.ready, seg)
	}
	seg := w.ready[n]
	if seg.size < size {
		size = roundUp(size)
		if err := w.spares.grow(seg.name, seg.size, size); err != nil {
			return nil, final(err)
		}
		seg.size = size
	}
	return seg, nil
}

func (w *writer) nextSequence() uint64 {
	switch n := len(w.ready); {
	case n > 0:
		return w.ready[n-1].sequence + 1
	case w.tail.seg != nil:
		return w.tail.seg.sequence + 1
	}
	return 1
}

func (w *writer) nameSegment(sequence uint64, size int64) (*segment, error) {
	spare, size, err := w.spares.atLeast(size)
	if err != nil {
		return nil, final(err)
	}
	seg := newSegment(w.member, sequence, size)
	if err := w.files.Rename(spare, seg.name); err != nil {
		return nil, failure(fmt.Errorf("rename %s to %s: %w", spare, seg.name, err))
	}
	if err := w.files.SyncDir(); err != nil {
		return nil, failure(fmt.Errorf("sync the directory after renaming %s to %s: %w", spare, seg.name, err))
	}
	return seg, nil
}

// final makes every error final but that of a full disk: where room is made nothing
// of the log is written yet, so nothing is lost.
func final(err error) error {
	if errors.Is(err, fsys.ErrNoSpace) && !errors.Is(err, ErrFailed) {
		return err
	}
	return failure(err)
}
