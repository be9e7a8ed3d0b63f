package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// A Flush is one unit of group commit: all that was staged when it was taken, on its
// way to the disk.
type Flush struct {
	writer *writer
	staged staged
	hard   HardState
	failed error      // the log's, from before
	free   []*segment // that nobody needs once the flush is durable
	marks  marks      // where its batches stand
	born   []*segment // that it began
}

// Flush takes all that is staged, to be written and synced by the Flush's Run. It is
// nil if nothing is staged, or while another one is under way.
func (l *Log) Flush() *Flush {
	if l.flushing != nil || l.closed || l.staged.empty() {
		return nil
	}
	f := &Flush{writer: &l.writer, staged: l.staged, hard: l.hard, failed: l.failed, free: l.unneeded()}
	l.writer.tail.unmarked = l.writer.tail.unmarked || len(l.marks) == 0
	l.staged = staged{batches: l.writer.batches[:0]}
	l.flushing = f
	return f
}

// unneeded takes the oldest segments out of the log up to the first that holds an
// entry that is needed, or that a view reads. The one that is being written stays.
func (l *Log) unneeded() []*segment {
	l.marks = l.marks.after(l.start.Index, l.onDisk)
	n := 0
	for n < len(l.segments)-1 && l.segments[n].pins.Load() == 0 && (len(l.marks) == 0 || l.segments[n] != l.marks[0].seg) {
		n++
	}
	free := l.segments[:n:n]
	l.segments = l.segments[n:]
	return free
}

// Run writes all of it, in one write and one sync; one of each for every segment if it
// crosses into a new one, and for every piece if it is long. Once it returns nil all of it
// is durable. Its result goes to Log.Flushed. Any goroutine; it blocks.
func (f *Flush) Run() error {
	w := f.writer
	if f.failed != nil {
		return f.failed
	}
	p, err := w.layOut(f.hard, f.staged, w.reserve)
	if errors.Is(err, fsys.ErrNoSpace) {
		p, err = f.squeeze(err)
	}
	if err != nil {
		return err
	}
	return f.write(p)
}

// Bytes is how much the entries weigh that it writes. The owner, before Flushed.
func (f *Flush) Bytes() (n int) {
	for _, b := range f.staged.batches {
		n += len(b)
	}
	return n
}

// write makes a plan durable, and what was kept until then is free.
func (f *Flush) write(p plan) error {
	if err := f.writer.write(p); err != nil {
		return err
	}
	f.marks = append(f.marks, p.marks...)
	f.born = append(f.born, p.born...)
	for _, seg := range f.free {
		f.writer.spares.recycle(seg)
	}
	f.free = nil
	return nil
}

// squeeze makes do with the segments that are there when the disk is full: the end of
// each is kept free for term, vote and compaction. So a member with a full disk still
// votes, and it can record the compaction that frees a segment for it to go on in.
func (f *Flush) squeeze(full error) (plan, error) {
	w := f.writer
	small := staged{resets: f.staged.resets, start: f.staged.start, hard: f.staged.hard, compact: f.staged.compact}
	if len(f.staged.batches) == 0 {
		return w.layOut(f.hard, small, 0)
	}
	end := w.tail.state.last
	if small.resets {
		end = small.start
	}
	// A batch that replaces durable entries must not come after a compaction that
	// counts on it.
	if len(f.free) == 0 || f.staged.batches[0].First() <= end.Index {
		return plan{}, full
	}
	if small.compact.Index > end.Index {
		small.compact = end
	}
	p, err := w.layOut(f.hard, small, 0)
	if err == nil {
		err = f.write(p)
	}
	if err != nil {
		return plan{}, err
	}
	return w.layOut(f.hard, f.staged, w.reserve)
}

// Flushed takes note of what Run returned. It returns nil, or an error that Is
// fsys.ErrNoSpace if no space was found for a new segment: then nothing is lost, what
// was staged is staged again, in order, and the next Flush tries again. Any other
// error Is ErrFailed and final: what the disk has kept of a failed write or sync is
// unknown, and every later Run returns the same error.
func (l *Log) Flushed(f *Flush, err error) error {
	if l.flushing != f {
		panic("wal: result of a flush that is not under way")
	}
	l.flushing = nil
	switch {
	case errors.Is(err, fsys.ErrNoSpace):
		l.restage(f)
		return err
	case err != nil:
		return l.fail(err)
	}
	l.index(f)
	l.cache.flushed(l.start.Index, l.onDisk)
	clear(f.staged.batches)
	l.writer.batches = f.staged.batches
	return nil
}

// restage puts what a flush could not write before what was staged since.
func (l *Log) restage(f *Flush) {
	later := l.staged
	l.staged = f.staged
	l.staged.then(later)
	l.writer.batches = nil
	l.segments = slices.Concat(f.free, l.segments, f.born)
	l.filled = l.writer.tail.offset
}

// index makes the entries of a flush readable from disk, but for those that something
// staged since has dropped.
func (l *Log) index(f *Flush) {
	l.segments = append(l.segments, f.born...)
	l.filled = l.writer.tail.offset
	if l.staged.resets {
		return
	}
	if f.staged.resets {
		l.marks = nil
	}
	l.marks = append(l.marks, f.marks...)
	l.onDisk = l.writer.tail.state.last.Index
	if len(l.staged.batches) > 0 {
		l.hide(min(l.staged.batches[0].First(), l.onDisk+1))
	}
}

// failure is the final error of a log that could not write. It is never fsys.ErrNoSpace:
// that one says that nothing is lost.
func failure(cause error) error {
	switch {
	case errors.Is(cause, ErrFailed):
		return cause
	case errors.Is(cause, fsys.ErrNoSpace):
		return fmt.Errorf("%w: %v", ErrFailed, cause)
	}
	return fmt.Errorf("%w: %w", ErrFailed, cause)
}

// append, reset and compact are what records of these kinds make of the state before.
func (s *state) append(b wire.Batch) { s.last, s.time = b.End(), b.Time() }

func (s *state) reset(start wire.Pos) { s.start, s.last, s.time = start, start, 0 }

func (s *state) compact(upTo wire.Pos) { s.start = upTo }
