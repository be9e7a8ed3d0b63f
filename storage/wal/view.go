package wal

import (
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// A View reads entries of the log as they were when it was made: what is truncated,
// compacted or appended later does not show. It keeps the segments that it reads from
// being freed, so it must be closed. Any goroutine, one at a time.
type View struct {
	files  fsys.FS
	next   wire.Index // to be read
	onDisk wire.Index // last entry to be read from disk; those after it are cached
	last   wire.Index
	marks  marks // the first is at or before the first entry
	cached []wire.Batch
	pinned *segment // nil if nothing is read from disk, and once closed

	seg    *segment // that is open
	reader recordReader
	offset int64 // of the next record; 0 if that is at the first mark

	ahead wire.Batch // the next one, if it was read and was one too many; it ends at offset end
	end   int64
}

// View begins to read the entries from first to last, as far as the log has them. It
// returns ErrCompacted if it does not hold the first one any more. Owner only.
func (l *Log) View(first, last wire.Index) (*View, error) {
	if first <= l.start.Index {
		return nil, fmt.Errorf("read entry %d of a log that holds those after %s: %w", first, l.start, ErrCompacted)
	}
	v := &View{files: l.files, next: first, last: min(last, l.last.Index)}
	if first > v.last {
		return v, nil
	}
	v.onDisk = v.last
	if from, ok := l.cache.first(); ok && from <= v.last {
		v.onDisk = from - 1
		v.cached, _ = l.cache.read(max(first, from), v.last, 1<<62)
	}
	if first <= v.onDisk {
		v.marks = l.marks[l.marks.find(first):]
		v.pinned = v.marks[0].seg
		v.pinned.pins.Add(1)
	}
	return v, nil
}

// Read returns the next batches, no more than maxBytes of them but at least one; none
// after the last. They are whole as they were appended, but for those that the view or
// a later append cuts. Nothing that it returns is written to again. A batch that does
// not verify is a DamageError.
func (v *View) Read(maxBytes int) ([]wire.Batch, error) {
	var found []wire.Batch
	size := 0
	v.reader.chunk = int64(min(max(maxBytes, 4<<10), 256<<10))
	for v.next <= v.last {
		b, end, err := v.peek()
		if err != nil && len(found) > 0 {
			break // the next Read meets it again
		}
		if err != nil {
			return nil, err
		}
		if size += len(b); len(found) > 0 && size > maxBytes {
			v.ahead, v.end = b, end
			break
		}
		found = append(found, b)
		v.next = b.Last() + 1
		v.offset = end
	}
	return found, nil
}

// Next is the index of the entry that Read comes to next, 0 after the last.
func (v *View) Next() wire.Index {
	if v.next > v.last {
		return 0
	}
	return v.next
}

// peek returns the batch that begins with the next entry, and the offset after it.
func (v *View) peek() (wire.Batch, int64, error) {
	if b := v.ahead; b != nil {
		v.ahead = nil
		return b, v.end, nil
	}
	if v.next <= v.onDisk {
		return v.fromDisk()
	}
	for v.cached[0].Last() < v.next {
		v.cached = v.cached[1:]
	}
	return v.cached[0], 0, nil
}

func (v *View) fromDisk() (wire.Batch, int64, error) {
	if err := v.seek(); err != nil {
		return nil, 0, err
	}
	upTo := v.onDisk
	if len(v.marks) > 1 {
		upTo = min(upTo, v.marks[1].first-1)
	}
	for {
		rec, ok, err := v.reader.record(v.offset)
		if err != nil {
			return nil, 0, fmt.Errorf("read %s at offset %d: %w", v.seg.name, v.offset, err)
		}
		if !ok || rec.kind == kindSeal {
			return nil, 0, v.damaged("no record verifies there, where one was durable")
		}
		end := v.offset + rec.size
		if rec.kind == kindBatch {
			b, rest, err := wire.ParseBatch(rec.payload)
			if err != nil || len(rest) > 0 || b.First() > v.next {
				return nil, 0, v.damaged("the record there does not hold the entry that was written there")
			}
			if b.Last() >= v.next {
				return cutEnds([]wire.Batch{b}, v.next, upTo)[0], end, nil
			}
		}
		v.offset = end
	}
}

// seek goes to the mark that leads to the next entry, if reading on does not.
func (v *View) seek() error {
	for len(v.marks) > 1 && v.marks[1].first <= v.next {
		v.marks, v.offset = v.marks[1:], 0
	}
	m := v.marks[0]
	if v.offset == 0 {
		v.offset = m.offset
	}
	if v.seg == m.seg {
		return nil
	}
	if err := v.closeSegment(); err != nil {
		return err
	}
	file, err := m.seg.handle.acquire(v.files, m.seg.name)
	if err != nil {
		return fmt.Errorf("open %s: %w", m.seg.name, err)
	}
	v.seg = m.seg
	v.reader = recordReader{file: file, seed: m.seg.seed, size: m.seg.size, chunk: v.reader.chunk}
	return nil
}

func (v *View) damaged(reason string) error {
	e := &DamageError{File: v.seg.name, Offset: v.offset, First: v.next, Last: v.onDisk, Reason: reason}
	if len(v.marks) > 1 {
		e.Last = min(e.Last, v.marks[1].first-1)
	}
	return e
}

func (v *View) closeSegment() error {
	seg := v.seg
	v.seg = nil
	if seg == nil {
		return nil
	}
	if err := seg.handle.release(); err != nil {
		return fmt.Errorf("close %s: %w", seg.name, err)
	}
	return nil
}

// Close lets the segments go. Nothing can be read after it; closing twice is no error.
func (v *View) Close() error {
	if v.pinned != nil {
		v.pinned.pins.Add(-1)
		v.pinned = nil
	}
	v.last, v.cached, v.ahead = 0, nil, nil
	return v.closeSegment()
}
