package wal

import (
	"fmt"
	"iter"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// HardState is what a member must never forget: its term, and whom it voted for in it.
type HardState = wire.HardState

// Options shape a log. The zero value is good.
type Options struct {
	// SegmentBytes is the size of a segment's file, 8 MiB if 0. A batch that is
	// larger gets a segment of its own size.
	SegmentBytes int64
	// CacheBytes is how many bytes of entries are kept in memory beyond those that
	// are not on disk yet, 4 MiB if 0; and up to four times as many of those that Read has
	// not been told of.
	CacheBytes int
	// Member is whose log it is. A segment of another member's is a MemberError; 0
	// is not checked.
	Member wire.MemberID
}

const (
	defaultSegmentBytes = 8 << 20
	defaultCacheBytes   = 4 << 20
	// blockBytes is what sizes are rounded up to: file systems store no less.
	blockBytes = fsys.BlockSize
)

func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	o.SegmentBytes = roundUp(o.SegmentBytes)
	return o
}

func roundUp(n int64) int64 { return (n + blockBytes - 1) / blockBytes * blockBytes }

// Log is a member's durable log: its entries, its term and its vote.
//
// One goroutine owns a Log and calls its methods. What blocks are the methods of the
// values that it hands out: Flush.Run, View.Read and Preparation.Run, which may run in
// any goroutine, beside the owner and beside each other.
//
// Kept true, of indexes: start ≤ onDisk ≤ last, and of batches: those after onDisk are
// in the cache, and staged or in the flush that is under way.
type Log struct {
	files   fsys.FS
	options Options
	spares  *spares

	hard   HardState  // staged ones included, as all of these
	start  wire.Pos   // before the first entry held
	last   wire.Pos   // of the last entry
	time   int64      // of the last batch
	onDisk wire.Index // last entry that may be read from disk

	cache    cache
	found    Found
	staged   staged
	marks    marks
	segments []*segment // in order; the last is being written
	filled   int64      // of the last segment, in bytes
	spans    []wire.Span

	writer    writer // the flush's, while one is under way
	flushing  *Flush
	preparing bool
	failed    error
	closed    bool
}

// HardState returns the term and vote that were saved last.
func (l *Log) HardState() HardState { return l.hard }

// Start returns the position before the first entry held.
func (l *Log) Start() wire.Pos { return l.start }

// Last returns the position of the last entry, staged ones included; Start if there
// is none.
func (l *Log) Last() wire.Pos { return l.last }

// LastTime returns the time of the batch that the last entry belongs to, in
// nanoseconds since 1970. It is 0 for a log that had no entry since it began or was
// reset.
func (l *Log) LastTime() int64 { return l.time }

// DiskBytes returns the size of all files of the log, spare ones included.
func (l *Log) DiskBytes() int64 { return l.spares.diskBytes() }

// Spans yields all entries that Open found, as the algorithm sees them: neighbours of
// one term are one span up to about 64 KiB, and a membership is a span of its own. It
// is there to start the algorithm; the first change of the log forgets it.
func (l *Log) Spans() iter.Seq[wire.Span] {
	spans, start := l.spans, l.start.Index
	return func(yield func(wire.Span) bool) {
		for _, s := range spans {
			if s.Last <= start {
				continue
			}
			if s.First <= start {
				s = cutSpan(s, start+1, s.Last)
			}
			if !yield(s) {
				return
			}
		}
	}
}

// SaveHardState stages a term and vote. It is written before all entries that are
// staged with it, earlier ones included.
func (l *Log) SaveHardState(h HardState) {
	l.hard = h
	l.staged.hard = true
}

// Append stages batches, which the log keeps and nobody may change afterwards. Each
// begins behind Start and at most one behind Last: where it overlaps, it replaces what
// is there from its first entry on.
func (l *Log) Append(batches ...wire.Batch) {
	for _, b := range batches {
		l.append(b)
	}
}

func (l *Log) append(b wire.Batch) {
	first := b.First()
	switch {
	case first <= l.start.Index || first > l.last.Index+1:
		panic(fmt.Sprintf("wal: append of entry %d to a log that holds those after %s up to %s", first, l.start, l.last))
	case first == l.last.Index+1 && b.Term() < l.last.Term:
		panic(fmt.Sprintf("wal: append of %d/%d after %s: terms never fall", b.Term(), first, l.last))
	}
	l.spans = nil
	if first <= l.last.Index {
		l.truncate(first)
	}
	l.staged.batches = append(l.staged.batches, b)
	l.cache.add(b)
	l.last, l.time = b.End(), b.Time()
}

// truncate drops the entries from first on, at once from all that can be read; the
// batch that is staged next drops them on disk.
func (l *Log) truncate(first wire.Index) {
	l.staged.truncate(first)
	l.cache.truncate(first)
	l.hide(first)
}

// hide makes the entries on disk from first on unreadable.
func (l *Log) hide(first wire.Index) {
	l.onDisk = min(l.onDisk, first-1)
	l.marks = l.marks.cut(first)
}

// Reset stages that all entries go and the log goes on after start, because a
// snapshot that ends there was installed.
func (l *Log) Reset(start wire.Pos) {
	l.spans = nil
	l.staged.reset(start)
	l.cache.reset()
	l.start, l.last, l.time, l.onDisk, l.marks = start, start, 0, start.Index, nil
}

// Compact stages that entries up to a position are not needed any more. They are gone
// for readers at once; the segments that hold nothing else are freed with the next
// flush, those that a view still reads with a later one. A position that was
// compacted before changes nothing.
func (l *Log) Compact(upTo wire.Pos) {
	switch {
	case upTo.Index <= l.start.Index:
		return
	case upTo.Index > l.last.Index || upTo.Index == l.last.Index && upTo != l.last:
		panic(fmt.Sprintf("wal: compact up to %s of a log that ends at %s", upTo, l.last))
	}
	l.spans = nil
	l.staged.compact = upTo
	l.start = upTo
}

// Read takes note that entries up to an index have been read by who reads all of them in
// order. Those after it stay in memory for that reader, up to MostCached.
func (l *Log) Read(upTo wire.Index) {
	l.cache.unread = upTo
	l.cache.forget(0)
}

// MostCached is the most that CachedBytes may be with Options.CacheBytes.
func MostCached(cacheBytes int) int { return unreadTimes * cacheBytes }

// CachedBytes is how much memory the entries take that are on disk as well.
func (l *Log) CachedBytes() int { return l.cache.bytes }

// Cached returns the batches from first to last, if memory has them: nothing waits
// for the disk. They are whole as they were appended, but for those at both ends,
// which are cut. It returns at least one, and no more than maxBytes of them otherwise.
// It says false if the first entry is not in memory, or not in the log at all.
func (l *Log) Cached(first, last wire.Index, maxBytes int) (batches []wire.Batch, ok bool) {
	if first <= l.start.Index || last < first {
		return nil, false
	}
	if batches, ok = l.cache.read(first, last, maxBytes); ok {
		l.found.Hits++
	} else {
		l.found.Misses++
	}
	return batches, ok
}

// Found is how often Cached had the first entry that was asked for in memory, and how
// often it lay on disk alone.
type Found struct{ Hits, Misses uint64 }

// Found counts from when the log was opened.
func (l *Log) Found() Found { return l.found }

// Close lets go of the files. It writes nothing: what was staged and not flushed is
// lost. No flush may be under way. Views stay readable until they are closed.
func (l *Log) Close() error {
	if l.flushing != nil {
		panic("wal: closed while a flush is under way")
	}
	l.closed = true
	return l.writer.close()
}

// fail makes an error final.
func (l *Log) fail(cause error) error {
	if l.failed == nil {
		l.failed = failure(cause)
	}
	return l.failed
}
