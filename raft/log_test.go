package raft_test

import (
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/wire"
)

// entry is an entry with all that tells it from every other: a log that holds the
// right terms with the wrong commands is found out by text.
type entry struct {
	term       wire.Term
	text       string
	bytes      int
	membership *wire.Membership
}

// record is a log with its entries, as a member's storage keeps it and the core does
// not.
type record struct {
	start   wire.Pos
	members wire.Membership // as of start
	entries []entry         // from start.Index+1 on
}

func (l *record) last() wire.Pos {
	if n := len(l.entries); n > 0 {
		return wire.Pos{Term: l.entries[n-1].term, Index: l.start.Index + wire.Index(n)}
	}
	return l.start
}

// at is the entry at an index that lies in the log.
func (l *record) at(i wire.Index) entry { return l.entries[i-l.start.Index-1] }

func (l *record) pos(i wire.Index) wire.Pos {
	if i == l.start.Index {
		return l.start
	}
	return wire.Pos{Term: l.at(i).term, Index: i}
}

// holds says whether the log has that very entry, or starts right after it.
func (l *record) holds(p wire.Pos) bool {
	return p.Index >= l.start.Index && p.Index <= l.last().Index && l.pos(p.Index) == p
}

// keeps says whether an entry is here or in the snapshot before the log.
func (l *record) keeps(p wire.Pos) bool { return p.Index <= l.start.Index || l.holds(p) }

// put writes entries from index first on; what was there and after it goes.
func (l *record) put(first wire.Index, entries []entry) {
	if first <= l.start.Index || first > l.last().Index+1 {
		panic(fmt.Sprintf("entries from %d on do not fit a log from %s to %s", first, l.start, l.last()))
	}
	l.entries = append(l.entries[:first-l.start.Index-1:first-l.start.Index-1], entries...)
}

func (l *record) from(first, last wire.Index) []entry {
	return l.entries[first-l.start.Index-1 : last-l.start.Index]
}

// membersAt is the membership as of an index.
func (l *record) membersAt(i wire.Index) wire.Membership {
	for ; i > l.start.Index; i-- {
		if m := l.at(i).membership; m != nil {
			return *m
		}
	}
	return l.members
}

// startAfter lets the log begin after a snapshot. What follows the snapshot stays if
// the log holds its position.
func (l *record) startAfter(p wire.Pos, members wire.Membership) {
	if l.holds(p) {
		l.entries = slices.Clone(l.entries[p.Index-l.start.Index:])
	} else {
		l.entries = nil
	}
	l.start, l.members = p, members
}

func (l *record) clone() record {
	c := *l
	c.entries = slices.Clone(l.entries)
	return c
}

// spansOf is how a receiver sees entries after it has decoded them. Entries of one
// term share a span, up to limit of them.
func spansOf(first wire.Index, entries []entry, limit int) []wire.Span {
	var spans []wire.Span
	for k, e := range entries {
		i := first + wire.Index(k)
		if n := len(spans); n > 0 {
			s := &spans[n-1]
			if s.Term == e.term && s.Membership == nil && e.membership == nil && int(s.Last-s.First) < limit-1 {
				s.Last, s.Bytes = i, s.Bytes+e.bytes
				continue
			}
		}
		spans = append(spans, wire.Span{Term: e.term, First: i, Last: i, Bytes: e.bytes, Membership: e.membership})
	}
	return spans
}
