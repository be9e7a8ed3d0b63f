package wal

import "github.com/balsaraft/balsa/wire"

// spanBytes is up to how many bytes neighbouring batches are told as one span.
const spanBytes = 64 << 10

// spanList is the log as the algorithm sees it, in the making.
type spanList []wire.Span

// add puts a span behind the others, whose entries it replaces from its first on.
func (l spanList) add(s wire.Span) spanList {
	l = l.truncate(s.First)
	if n := len(l); n > 0 && joins(l[n-1], s) {
		l[n-1].Last = s.Last
		l[n-1].Bytes += s.Bytes
		return l
	}
	return append(l, s)
}

func joins(a, b wire.Span) bool {
	return a.Term == b.Term && a.Membership == nil && b.Membership == nil && a.Bytes+b.Bytes <= spanBytes
}

func (l spanList) truncate(first wire.Index) spanList {
	for n := len(l); n > 0 && l[n-1].Last >= first; n-- {
		if s := l[n-1]; s.First < first {
			l[n-1] = cutSpan(s, s.First, first-1)
			break
		}
		l = l[:n-1]
	}
	return l
}

// cutSpan is the part of a span from first to last, which must lie within it. What it
// weighs is guessed from the whole: that is for flow control alone.
func cutSpan(s wire.Span, first, last wire.Index) wire.Span {
	all, kept := float64(s.Last-s.First+1), float64(last-first+1)
	s.First, s.Last, s.Bytes = first, last, max(1, int(float64(s.Bytes)*kept/all))
	return s
}
