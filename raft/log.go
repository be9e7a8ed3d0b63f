package raft

import (
	"slices"
	"sort"

	"github.com/balsaraft/balsa/wire"
)

// entryLog is what the algorithm knows of the log: which term each entry has, about
// how many bytes it weighs, and the memberships. Entries of one term that follow each
// other are told apart no further once they share a stretch, so that memory grows by
// one element for each 64 KiB of log.
type entryLog struct {
	start     wire.Pos // the position before the first entry
	offset    uint64   // bytes before and at start
	stretches []stretch
}

// stretch is a run of entries of one term. It begins where the one before it ends.
type stretch struct {
	term       wire.Term
	last       wire.Index
	offset     uint64           // bytes up to and including last
	membership *wire.Membership // set if the stretch is one membership entry
}

// maxStretchBytes is up to which weight stretches grow together.
const maxStretchBytes = 64 << 10

func (l *entryLog) last() wire.Pos {
	if n := len(l.stretches); n > 0 {
		return wire.Pos{Term: l.stretches[n-1].term, Index: l.stretches[n-1].last}
	}
	return l.start
}

// find is the number of the stretch that holds index i, which must lie in the log.
func (l *entryLog) find(i wire.Index) int {
	if n := len(l.stretches); i > l.before(n-1) {
		return n - 1
	}
	return sort.Search(len(l.stretches), func(k int) bool { return l.stretches[k].last >= i })
}

// before is the index before the first of stretch k.
func (l *entryLog) before(k int) wire.Index {
	if k <= 0 {
		return l.start.Index
	}
	return l.stretches[k-1].last
}

func (l *entryLog) offsetBefore(k int) uint64 {
	if k <= 0 {
		return l.offset
	}
	return l.stretches[k-1].offset
}

func (l *entryLog) term(i wire.Index) (wire.Term, bool) {
	switch {
	case i == l.start.Index:
		return l.start.Term, true
	case i < l.start.Index || i > l.last().Index:
		return 0, false
	}
	return l.stretches[l.find(i)].term, true
}

// holds says whether the log is known to contain the entry at p.
func (l *entryLog) holds(p wire.Pos) bool {
	term, ok := l.term(p.Index)
	return ok && term == p.Term
}

// append adds a span that begins right after the log's end.
func (l *entryLog) append(s wire.Span) {
	end := l.last()
	if s.First != end.Index+1 || s.Last < s.First || s.Term < end.Term {
		broken("%s does not follow %s", s, end)
	}
	n := len(l.stretches)
	offset := l.offsetBefore(n) + uint64(s.Bytes)
	if n > 0 && s.Membership == nil {
		if tail := &l.stretches[n-1]; tail.takes(s) && offset-l.offsetBefore(n-1) <= maxStretchBytes {
			tail.last, tail.offset = s.Last, offset
			return
		}
	}
	l.stretches = append(l.stretches, stretch{s.Term, s.Last, offset, s.Membership})
}

func (t *stretch) takes(s wire.Span) bool { return t.term == s.Term && t.membership == nil }

// truncate drops what is after index i.
func (l *entryLog) truncate(i wire.Index) {
	if i >= l.last().Index {
		return
	}
	if i <= l.start.Index {
		l.stretches = l.stretches[:0]
		return
	}
	k, offset := l.find(i), l.offsetAt(i)
	l.stretches = slices.Delete(l.stretches, k+1, len(l.stretches))
	l.stretches[k].last, l.stretches[k].offset = i, offset
}

// compact drops what is before and at index i, which must lie in the log.
func (l *entryLog) compact(i wire.Index) {
	if i <= l.start.Index {
		return
	}
	k, offset := l.find(i), l.offsetAt(i)
	l.start, l.offset = wire.Pos{Term: l.stretches[k].term, Index: i}, offset
	if l.stretches[k].last == i {
		k++
	}
	l.stretches = slices.Delete(l.stretches, 0, k)
}

// reset empties the log and lets it start after p.
func (l *entryLog) reset(p wire.Pos) { *l = entryLog{start: p} }

// offsetAt is about how many bytes lie before and at index i: within a stretch all
// entries are taken to weigh the same.
func (l *entryLog) offsetAt(i wire.Index) uint64 {
	if i <= l.start.Index {
		return l.offset
	}
	k := l.find(i)
	low, high := l.offsetBefore(k), l.stretches[k].offset
	before := l.before(k)
	return low + (high-low)*uint64(i-before)/uint64(l.stretches[k].last-before)
}

// bytesAfter is about how much the entries after index i weigh.
func (l *entryLog) bytesAfter(i wire.Index) int {
	n := len(l.stretches)
	if n == 0 || i >= l.stretches[n-1].last {
		return 0
	}
	return int(l.stretches[n-1].offset - l.offsetAt(i))
}

// read adds the spans from index next on to dst: as many as weigh no more than limit
// together, and at least one. next must lie in the log.
func (l *entryLog) read(dst []wire.Span, next wire.Index, limit int) []wire.Span {
	offset, taken := l.offsetAt(next-1), 0
	for k := l.find(next); k < len(l.stretches); k++ {
		t := &l.stretches[k]
		bytes := int(t.offset - offset)
		if taken > 0 && taken+bytes > limit {
			break
		}
		dst = append(dst, wire.Span{Term: t.term, First: next, Last: t.last, Bytes: bytes, Membership: t.membership})
		next, offset, taken = t.last+1, t.offset, taken+bytes
	}
	return dst
}

// agreement is the largest position whose index and term are not beyond p's: the
// last place where a log that has p, or ends there, can agree with this one. It is
// zero if that would be before the start.
func (l *entryLog) agreement(p wire.Pos) wire.Pos {
	k := sort.Search(len(l.stretches), func(k int) bool {
		return l.before(k)+1 > p.Index || l.stretches[k].term > p.Term
	})
	switch {
	case k > 0:
		return wire.Pos{Term: l.stretches[k-1].term, Index: min(p.Index, l.stretches[k-1].last)}
	case l.start.Index <= p.Index && l.start.Term <= p.Term:
		return l.start
	}
	return wire.Pos{}
}

// agreesUntil is the last index of the span up to which the log holds the same
// entries, or the index before the span if it does not hold its first. What is
// before and at the start is taken to agree.
func (l *entryLog) agreesUntil(s wire.Span) wire.Index {
	from := max(s.First, l.start.Index+1)
	if from > s.Last {
		return s.Last
	}
	if term, ok := l.term(from); !ok || term != s.Term {
		return from - 1
	}
	// Terms never fall along the log, so the entries of one term are in one piece.
	return min(s.Last, l.agreement(wire.Pos{Term: s.Term, Index: l.last().Index}).Index)
}

// cut is the part of the span that starts at index first.
func cut(s wire.Span, first wire.Index) wire.Span {
	if first > s.First {
		s.Bytes = s.Bytes * int(s.Last-first+1) / int(s.Last-s.First+1)
		s.First = first
	}
	return s
}
