// Package cover counts which transitions of the algorithm runs have taken: in which role,
// by which event, with which outcome. Expected lists those that there are; one that no run
// took was not tested by any, and one that the list does not know is a surprise.
package cover

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Transition is what an event made of a member.
type Transition struct {
	From    raft.Role
	Event   string
	Outcome string // the next role, or Stays or Commits if that is the same
}

// Outcomes in the same role and term. Another role, or a later term, stands by its name.
const (
	Stays   = "stays"
	Commits = "commits"
	later   = ", later term"
)

// String prints the transition in a line.
func (t Transition) String() string { return fmt.Sprintf("%s, %s: %s", t.From, t.Event, t.Outcome) }

// Cover counts transitions. It is a host.Tracer of one member or of many. It has one owner.
type Cover struct {
	counts map[Transition]int
	last   map[wire.MemberID]standing
}

// standing is what a transition starts from.
type standing struct {
	role      raft.Role
	term      wire.Term
	committed wire.Index
}

// New is a cover that has seen nothing.
func New() *Cover { return &Cover{map[Transition]int{}, map[wire.MemberID]standing{}} }

// Started notes how a member stands when it starts.
func (c *Cover) Started(id wire.MemberID, st raft.State) { c.last[id] = standingOf(st.Status(id)) }

// Did counts what an event made of a member.
func (c *Cover) Did(s raft.Status, e raft.Event, _ raft.Orders) {
	before, after := c.last[s.ID], standingOf(s)
	c.last[s.ID] = after
	c.counts[Transition{before.role, nameOf(e), outcome(before, after)}]++
}

func standingOf(s raft.Status) standing { return standing{s.Role, s.Term, s.Committed} }

func outcome(before, after standing) string {
	switch {
	case after.term > before.term:
		return after.role.String() + later
	case after.role != before.role:
		return after.role.String()
	case after.committed > before.committed:
		return Commits
	}
	return Stays
}

// nameOf names an event, with what makes a difference to it.
func nameOf(e raft.Event) string {
	switch e := e.(type) {
	case nil:
		return "request"
	case raft.Received:
		name := e.Message.Kind.String()
		if e.Message.Reject {
			name += " refused"
		}
		return name
	case raft.Tick:
		return "tick"
	case raft.Saved:
		return "saved"
	case raft.Applied:
		return "applied"
	case raft.LinkUp:
		return "link-up"
	case raft.LinkDown:
		if e.Gone {
			return "link-down, gone"
		}
		return "link-down"
	case raft.SnapshotSent:
		if e.Failed {
			return "snapshot-sent failed"
		}
		return "snapshot-sent"
	case raft.SnapshotInstalled:
		return "snapshot-installed"
	case raft.Compacted:
		return "compacted"
	}
	return fmt.Sprintf("%T", e)
}

// Add adds what another has counted.
func (c *Cover) Add(other *Cover) {
	for t, n := range other.counts {
		c.counts[t] += n
	}
}

// Taken are the transitions that were taken, and how often.
func (c *Cover) Taken() map[Transition]int { return c.counts }

// Missing are the expected ones that were not.
func (c *Cover) Missing() (list []Transition) {
	for t := range Expected() {
		if c.counts[t] == 0 {
			list = append(list, t)
		}
	}
	return sorted(list)
}

// Unexpected are those that were taken though Expected does not list them.
func (c *Cover) Unexpected() (list []Transition) {
	known := maps.Collect(func(yield func(Transition, bool) bool) {
		for t := range Expected() {
			yield(t, true)
		}
	})
	for t := range c.counts {
		if !known[t] {
			list = append(list, t)
		}
	}
	return sorted(list)
}

func sorted(list []Transition) []Transition {
	slices.SortFunc(list, func(a, b Transition) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Outcome, b.Outcome))
	})
	return list
}
