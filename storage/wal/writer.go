package wal

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// maxReserve is how many bytes at the end of a segment batches leave free: room for
// a hundred records of a term, a vote or a compaction when the disk is full.
const maxReserve = 4 << 10

// keepBuffer is the largest buffer that is kept from one flush to the next.
const keepBuffer = 4 << 20

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

	block   []byte       // what the tail's last block holds already
	buf     []byte       // memory for a plan
	batches []wire.Batch // memory for what is staged
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

// A plan is a flush laid out: the bytes, where they go, and where the log ends then.
// Nothing of the log has been written yet, so it can still be given up.
type plan struct {
	tail
	writer  *writer
	reserve int64 // of the segment's end, not to be used
	buf     []byte
	chunks  []chunk
	marks   marks
	born    []*segment
}

// A chunk is a run of whole blocks that one write makes durable. The first may hold
// records that are durable already, which are written again as they are, and the last is
// filled up with zeros: to write a part of a block, a system would have to read the rest.
type chunk struct {
	seg      *segment
	offset   int64 // of its first block
	flush    int64 // of its first record
	from, to int   // in the plan's buffer
}

// layOut plans to write s. It needs segments and makes them where there are none, so
// it is here that a full disk shows.
func (w *writer) layOut(hard HardState, s staged, reserve int64) (plan, error) {
	p := plan{tail: w.tail, writer: w, reserve: reserve, buf: w.buf[:0]}
	if p.seg != nil {
		p.grow(len(w.block))
		p.buf = append(p.buf, w.block...)
		p.chunks = append(p.chunks, chunk{seg: p.seg, offset: p.offset - int64(len(w.block)), flush: p.offset})
	}
	err := p.put(hard, s)
	p.fillBlock()
	w.buf = p.buf[:0]
	if cap(w.buf) > keepBuffer {
		w.buf = nil
	}
	return p, err
}

func (p *plan) put(hard HardState, s staged) error {
	var small [smallPayload]byte
	if s.resets {
		if err := p.record(kindReset, putPos(&small, s.start)); err != nil {
			return err
		}
		p.state.reset(s.start)
		p.unmarked = true
	}
	if s.hard {
		if err := p.record(kindHardState, putHardState(&small, hard)); err != nil {
			return err
		}
		p.state.hard = hard
	}
	for _, b := range s.batches {
		if err := p.batch(b); err != nil {
			return err
		}
	}
	if s.compact.Index > p.state.start.Index {
		if err := p.record(kindCompact, putPos(&small, s.compact)); err != nil {
			return err
		}
		p.state.compact(s.compact)
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
	p.add(kindBatch, b)
	p.state.append(b)
	return nil
}

func (p *plan) record(kind recordKind, payload []byte) error {
	err := p.makeRoom(len(payload))
	if err == nil {
		p.add(kind, payload)
	}
	return err
}

// add puts a record where the plan ends.
func (p *plan) add(kind recordKind, payload []byte) {
	c := &p.chunks[len(p.chunks)-1]
	size := recordSize(len(payload))
	p.grow(int(size))
	p.buf, p.prev = appendRecord(p.buf, p.seg.seed, p.offset, c.flush, p.prev, kind, payload)
	p.offset += size
	c.to = len(p.buf)
}

// grow makes room for n bytes more, and for what fills up their last block.
func (p *plan) grow(n int) { p.buf = fsys.Blocks(p.buf, n+blockBytes) }

// fillBlock ends the last chunk with its block.
func (p *plan) fillBlock() {
	n := int(roundUp(int64(len(p.buf)))) - len(p.buf)
	p.buf = p.buf[:len(p.buf)+n]
	clear(p.buf[len(p.buf)-n:])
}

// makeRoom goes on in a new segment if a record does not fit into this one.
func (p *plan) makeRoom(payload int) error {
	size := recordSize(payload)
	if p.seg != nil && !p.sealed && p.offset+size+sealSize+p.reserve <= p.seg.size {
		return nil
	}
	next, err := p.writer.readySegment(len(p.born), headerSize+size+sealSize+p.writer.reserve)
	if err != nil {
		return err
	}
	if p.seg != nil && !p.sealed {
		p.add(kindSeal, nil)
	}
	p.begin(next)
	return nil
}

// begin goes on in an empty segment, with its header.
func (p *plan) begin(seg *segment) {
	p.fillBlock()
	from := len(p.buf)
	p.grow(headerSize)
	p.buf = appendHeader(p.buf, header{sequence: seg.sequence, member: p.writer.member, prev: p.prev, size: seg.size, state: p.state})
	p.chunks = append(p.chunks, chunk{seg: seg, from: from, to: len(p.buf)})
	p.seg, p.offset, p.sealed, p.marked = seg, headerSize, false, 0
	p.born = append(p.born, seg)
}

// write makes a plan durable. Each segment is synced before the next is written, so
// that a segment's header proves that the one before it is whole. Any error is final.
func (w *writer) write(p plan) error {
	for _, c := range p.chunks {
		if c.to == 0 {
			continue // nothing of the flush fits into what is left of the segment
		}
		file, err := w.hold(c.seg)
		if err != nil {
			return failure(fmt.Errorf("open %s: %w", c.seg.name, err))
		}
		blocks := p.buf[c.from:roundUp(int64(c.to))]
		if err := fsys.WriteBlocks(file, blocks, c.offset, true); err != nil {
			return failure(fmt.Errorf("write and sync %d bytes in %s at offset %d: %w", len(blocks), c.seg.name, c.offset, err))
		}
	}
	w.tail = p.tail
	w.keepBlock(p)
	w.ready = w.ready[len(p.born):]
	return nil
}

// keepBlock keeps what a plan has written of the tail's last block.
func (w *writer) keepBlock(p plan) {
	if n := len(p.chunks); n > 0 && p.chunks[n-1].to > 0 {
		end := p.chunks[n-1].to
		w.block = append(w.block[:0], p.buf[end-int(p.offset%blockBytes):end]...)
	}
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
