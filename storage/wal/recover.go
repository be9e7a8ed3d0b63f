package wal

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// recovery reads a log back. It changes nothing: what it finds to be done is in its
// fields, for Open to do once all is known to be whole.
//
// The segments that were begun are replayed in order. Where one is damaged or missing
// the replay starts over with the next, whose header repeats what all before it add up
// to: if it turns out that nothing of what was passed over is needed, because it was
// compacted, the damage does not count.
type recovery struct {
	files  fsys.FS
	member wire.MemberID

	tail
	flush    int64 // where the flush began that wrote the last record
	marks    marks
	spans    spanList
	absent   wire.Index // entries after start up to here are in no segment that was replayed
	segments []*segment // those replayed
	dead     []*segment // those before them
	ready    []*segment // the one after them, named and empty, if a seal announces it
	unused   []*segment // others, which were named and not announced
	torn     []stretch  // what a torn flush left
	block    []byte     // what the tail's last block holds

	losses []DamageError // what was passed over, in order; Last is the end of what was lost
}

// A stretch is a part of a segment.
type stretch struct {
	seg      *segment
	from, to int64
}

// run replays all segments that were found, in order.
func (r *recovery) run(found []*candidate) error {
	begun := len(found)
	for begun > 0 && !found[begun-1].begun {
		begun--
	}
	for i, c := range found[:begun] {
		if err := r.segment(c, i == begun-1); err != nil {
			return err
		}
	}
	if err := r.empty(found[begun:]); err != nil {
		return err
	}
	return r.lost()
}

// segment replays one segment; last says that no later one was begun.
func (r *recovery) segment(c *candidate, last bool) error {
	switch {
	case r.seg != nil && c.seg.sequence != r.seg.sequence+1:
		r.lose(segmentName(r.seg.sequence+1), 0, missing)
		r.resume(c)
	case !c.begun:
		r.lose(c.seg.name, 0, c.reason)
		r.skip(c.seg)
		return nil
	case r.seg == nil, !r.sealed:
		r.resume(c)
	case c.header.prev != r.prev || c.header.state != r.state:
		r.lose(c.seg.name, 0, "it does not go on where the segment before it ends")
		r.resume(c)
	default:
		r.begin(c)
	}
	return c.read(r.files, func(reader *recordReader) error {
		if err := r.replay(reader); err != nil || r.sealed {
			return err
		}
		if last {
			return r.end(reader)
		}
		r.lose(c.seg.name, r.offset, unverified)
		return nil
	})
}

const (
	missing    = "it is missing, though the log goes on after it"
	unverified = "no record verifies there, though later ones do"
)

// begin goes on with a segment that follows.
func (r *recovery) begin(c *candidate) {
	r.segments = append(r.segments, c.seg)
	r.seg, r.offset, r.flush, r.sealed, r.marked = c.seg, headerSize, 0, false, 0
}

// resume goes on with a segment, by its header alone.
func (r *recovery) resume(c *candidate) {
	r.dead = append(r.dead, r.segments...)
	r.segments, r.marks, r.spans = nil, nil, nil
	r.prev, r.state, r.absent = c.header.prev, c.header.state, c.header.state.last.Index
	for i := range r.losses {
		if r.losses[i].Last == 0 {
			r.losses[i].Last = r.absent
		}
	}
	r.begin(c)
}

// skip passes over a segment that cannot be read.
func (r *recovery) skip(seg *segment) {
	r.dead = append(r.dead, seg)
	if r.seg != nil {
		r.seg, r.sealed = seg, false
	}
}

// lose takes note of a damage that matters only if entries are missing in the end.
func (r *recovery) lose(file string, offset int64, reason string) {
	r.losses = append(r.losses, *r.damage(file, offset, reason))
}

func (r *recovery) damage(file string, offset int64, reason string) *DamageError {
	return &DamageError{File: file, Offset: offset, First: r.state.last.Index + 1, Reason: reason}
}

// replay applies the records of a segment up to its seal, or to where none follows.
func (r *recovery) replay(reader *recordReader) error {
	for !r.sealed {
		rec, ok, err := reader.record(r.offset)
		if err != nil {
			return fmt.Errorf("read %s at offset %d: %w", r.seg.name, r.offset, err)
		}
		if !ok || rec.prev != r.prev {
			return nil
		}
		if err := r.apply(rec); err != nil {
			return r.damage(r.seg.name, r.offset, fmt.Sprintf("the record there verifies, and makes no sense: %v", err))
		}
		r.offset += rec.size
		r.prev, r.flush = rec.sum, rec.flush
	}
	return nil
}

var errSize = errors.New("its size is wrong")

func (r *recovery) apply(rec record) error {
	if rec.kind == kindBatch {
		return r.batch(rec.payload)
	}
	if rec.kind == kindSeal {
		r.sealed = true
		return nil
	}
	if len(rec.payload) != smallPayload {
		return errSize
	}
	x, y := pairOf(rec.payload)
	pos := wire.Pos{Term: wire.Term(x), Index: wire.Index(y)}
	switch rec.kind {
	case kindHardState:
		r.state.hard = unpackHardState(x, y)
	case kindReset:
		r.state.reset(pos)
		if !r.state.possible() {
			return fmt.Errorf("a log that goes on after %s has no index for an entry", pos)
		}
		r.marks, r.spans, r.absent, r.unmarked = nil, nil, 0, true
	case kindCompact:
		if pos.Index < r.state.start.Index || pos.Index > r.state.last.Index {
			return fmt.Errorf("compaction up to %s of a log from %s to %s", pos, r.state.start, r.state.last)
		}
		r.state.compact(pos)
	}
	return nil
}

func (r *recovery) batch(payload []byte) error {
	b, rest, err := wire.ParseBatch(payload)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return errSize
	}
	if b.First() <= r.state.start.Index || b.First() > r.state.last.Index+1 {
		return fmt.Errorf("entry %d in a log that holds those after %s up to %s", b.First(), r.state.start, r.state.last)
	}
	span, err := b.Span()
	if err != nil {
		return err
	}
	r.spans = r.spans.add(span)
	if b.First() <= r.state.last.Index {
		r.marks = r.marks.cut(b.First())
		r.absent = min(r.absent, b.First()-1)
	}
	if m, ok := r.mark(b); ok {
		r.marks = append(r.marks, m)
	}
	r.state.append(b)
	return nil
}

// end decides what the last segment's records end with: a torn flush, or damage.
func (r *recovery) end(reader *recordReader) error {
	left, err := reader.search(r.offset)
	if err != nil {
		return fmt.Errorf("search %s after offset %d: %w", r.seg.name, r.offset, err)
	}
	if left.durable {
		damage := r.damage(r.seg.name, r.offset, unverified)
		if left.first > damage.First {
			damage.Last = left.first - 1
		}
		return damage
	}
	r.tear(r.seg, r.offset, left.end)
	return nil
}

func (r *recovery) tear(seg *segment, from, to int64) {
	if from < to {
		r.torn = append(r.torn, stretch{seg, from, to})
	}
}

// empty looks at the segments after the last one that was begun: they were named
// ahead, and the next one may hold what a torn flush left. Only a seal promises that
// there is one: the others are removed by Open, and a crash may bring them back. But
// a log whose only segments are later ones than the first had one that was begun.
func (r *recovery) empty(found []*candidate) error {
	next := uint64(1)
	if r.seg != nil {
		next = r.seg.sequence + 1
	}
	if r.sealed && (len(found) == 0 || found[0].seg.sequence != next) {
		return r.damage(segmentName(next), 0, missing)
	}
	if r.seg == nil && len(found) > 0 && found[0].seg.sequence != next {
		return r.damage(found[0].seg.name, 0, found[0].reason)
	}
	for _, c := range found {
		if c.cut {
			return r.damage(c.seg.name, 0, c.reason)
		}
		if r.sealed && c.seg.sequence == next {
			r.ready = append(r.ready, c.seg)
		} else {
			r.unused = append(r.unused, c.seg)
		}
		if err := c.read(r.files, func(reader *recordReader) error { return r.unbegun(c, reader, next) }); err != nil {
			return err
		}
	}
	return nil
}

// unbegun looks for records in a segment without a header. Those of one flush were
// torn with it. Any others had a header before them that was durable, and any at all
// had all segments before.
func (r *recovery) unbegun(c *candidate, reader *recordReader, next uint64) error {
	left, err := reader.search(0)
	switch {
	case err != nil:
		return fmt.Errorf("search %s: %w", c.seg.name, err)
	case left.end == 0:
		return nil
	case left.durable:
		return r.damage(c.seg.name, 0, c.reason)
	case c.seg.sequence != next:
		return r.damage(segmentName(next), 0, "it holds no header, though the log goes on after it")
	case r.seg != nil && !r.sealed:
		return r.damage(r.seg.name, r.offset, unverified)
	}
	r.tear(c.seg, 0, left.end)
	return nil
}

// lost says whether entries are missing that are needed, and where they stood.
func (r *recovery) lost() error {
	start, absent := r.state.start.Index, r.absent
	if absent <= start {
		return nil
	}
	for i := range r.losses {
		d := &r.losses[i]
		if d.First, d.Last = max(d.First, start+1), min(d.Last, absent); d.First <= d.Last {
			return d
		}
	}
	if n := len(r.losses); n > 0 { // those that are left may have been replaced by what was lost
		d := &r.losses[n-1]
		d.First, d.Last = start+1, absent
		return d
	}
	return &DamageError{
		File: segmentName(r.segments[0].sequence - 1), First: start + 1, Last: absent, Reason: missing,
	}
}
