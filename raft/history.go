package raft

import (
	"slices"

	"github.com/balsaraft/balsa/wire"
)

// history is the memberships that the log holds, oldest first. The first is the one
// as of the log's start. A membership counts from the moment it is appended, committed
// or not, and goes when its entry is truncated (paper §6).
type history []configuration

type configuration struct {
	at      wire.Index
	members wire.Membership
}

// latest is the membership that counts.
func (h history) latest() wire.Membership { return h[len(h)-1].members }

// list says whether the history lists a membership of which something is true.
func (h history) list(holds func(wire.Membership) bool) bool {
	return slices.ContainsFunc(h, func(c configuration) bool { return holds(c.members) })
}

// latestAt is the index of the entry that holds the latest membership.
func (h history) latestAt() wire.Index { return h[len(h)-1].at }

// beforeLatest is the membership that counted before the latest was appended.
func (h history) beforeLatest() wire.Membership { return h[max(0, len(h)-2)].members }

// at is the membership as of index i, which is not before the log's start.
func (h history) at(i wire.Index) wire.Membership {
	for k := len(h) - 1; k > 0; k-- {
		if h[k].at <= i {
			return h[k].members
		}
	}
	return h[0].members
}

// add takes in an entry of the log, and says whether it is a membership.
func (h *history) add(s wire.Span) bool {
	if s.Membership == nil {
		return false
	}
	*h = append(*h, configuration{s.First, *s.Membership})
	return true
}

// truncate forgets the memberships after index i, and says whether there were any.
func (h *history) truncate(i wire.Index) bool {
	n := len(*h)
	for n > 1 && (*h)[n-1].at > i {
		n--
	}
	dropped := n < len(*h)
	*h = (*h)[:n]
	return dropped
}

// compact lets the history begin at index i, with the membership as of there.
func (h *history) compact(i wire.Index, m wire.Membership) {
	n := 0
	for n < len(*h) && (*h)[n].at <= i {
		n++
	}
	*h = append(history{{i, m}}, (*h)[n:]...)
}
