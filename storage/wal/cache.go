package wal

import (
	"sort"

	"github.com/balsaraft/balsa/wire"
)

// cache holds the newest batches in memory, without gaps, to the end of the log. What
// is not on disk yet is in it always.
type cache struct {
	limit   int          // bytes of batches that are on disk as well; more while they are unread
	unread  wire.Index   // what comes after it will soon be asked for
	batches []wire.Batch // in order
	saved   int          // how many of them, from the oldest on, are on disk
	bytes   int          // of those
}

// add puts a batch behind the others.
func (c *cache) add(b wire.Batch) { c.batches = append(c.batches, b) }

// first is the oldest entry that is in memory, and false if none is.
func (c *cache) first() (wire.Index, bool) {
	if len(c.batches) == 0 {
		return 0, false
	}
	return c.batches[0].First(), true
}

// truncate drops the entries from first on. What it cuts a batch down to counts as
// not on disk until the next flush says so.
func (c *cache) truncate(first wire.Index) {
	for n := len(c.batches); n > 0 && c.batches[n-1].Last() >= first; n = len(c.batches) {
		b := c.batches[n-1]
		c.batches[n-1] = nil
		c.batches = c.batches[:n-1]
		if c.saved == n {
			c.saved--
			c.bytes -= len(b)
		}
		if b.First() < first {
			c.add(b.Until(first - 1))
			return
		}
	}
}

// reset drops everything.
func (c *cache) reset() {
	clear(c.batches)
	c.batches, c.saved, c.bytes = c.batches[:0], 0, 0
}

// unreadTimes is how many times its limit the cache may hold of what nobody has read: to
// drop it would mean to read it back from the disk at once.
const unreadTimes = 4

// flushed takes note of what is on disk by now, and forgets what was compacted, up to start,
// and what is over the limit.
func (c *cache) flushed(start, upTo wire.Index) {
	for c.saved < len(c.batches) && c.batches[c.saved].Last() <= upTo {
		c.bytes += len(c.batches[c.saved])
		c.saved++
	}
	c.forget(start)
}

// forget drops the oldest batches: those up to start, and those over the limit.
func (c *cache) forget(start wire.Index) {
	n := 0
	for n < len(c.batches) && (c.over(c.batches[n]) || c.batches[n].Last() <= start) {
		if c.saved > 0 {
			c.saved--
			c.bytes -= len(c.batches[n])
		}
		c.batches[n] = nil
		n++
	}
	c.batches = c.batches[n:]
}

// over says whether the oldest batch is over the limit.
func (c *cache) over(oldest wire.Batch) bool {
	if oldest.Last() > c.unread {
		return c.bytes > unreadTimes*c.limit
	}
	return c.bytes > c.limit
}

// read returns the batches from first to last, cut at both ends, and stops before
// they are more than maxBytes; false if first is not in memory.
func (c *cache) read(first, last wire.Index, maxBytes int) ([]wire.Batch, bool) {
	from := sort.Search(len(c.batches), func(i int) bool { return c.batches[i].Last() >= first })
	if from == len(c.batches) || c.batches[from].First() > first {
		return nil, false
	}
	to, bytes := from, 0
	for to < len(c.batches) && c.batches[to].First() <= last && (to == from || bytes+len(c.batches[to]) <= maxBytes) {
		bytes += len(c.batches[to])
		to++
	}
	found := make([]wire.Batch, to-from)
	copy(found, c.batches[from:to])
	return cutEnds(found, first, last), true
}

// cutEnds cuts batches, which it may change, to the entries from first to last.
func cutEnds(batches []wire.Batch, first, last wire.Index) []wire.Batch {
	if b := batches[0]; b.First() < first {
		batches[0] = b.From(first)
	}
	if end := len(batches) - 1; batches[end].Last() > last {
		batches[end] = batches[end].Until(last)
	}
	return batches
}
