package cover

import (
	"slices"
	"testing"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// stands is a member that follows in a term, with so much committed.
func stands(role raft.Role, term wire.Term, committed wire.Index) raft.Status {
	return raft.Status{ID: 1, Role: role, Term: term, Committed: committed}
}

func TestWhatAnEventMadeOfAMemberIsCounted(t *testing.T) {
	c := New()
	c.Started(1, raft.State{HardState: wire.HardState{Term: 1}})
	vote := raft.Received{Message: wire.Message{Kind: wire.VoteReply}}
	refused := raft.Received{Message: wire.Message{Kind: wire.AppendReply, Reject: true}}
	c.Did(stands(raft.PreCandidate, 1, 0), raft.Tick{}, raft.Orders{})
	c.Did(stands(raft.Candidate, 2, 0), raft.Received{Message: wire.Message{Kind: wire.PreVoteReply}}, raft.Orders{})
	c.Did(stands(raft.Leader, 2, 0), vote, raft.Orders{})
	c.Did(stands(raft.Leader, 2, 3), raft.Saved{}, raft.Orders{})
	c.Did(stands(raft.Leader, 2, 3), nil, raft.Orders{})
	c.Did(stands(raft.Follower, 5, 3), refused, raft.Orders{})
	want := []Transition{
		{raft.Follower, "tick", "pre-candidate"},
		{raft.PreCandidate, "prevote-reply", "candidate, later term"},
		{raft.Candidate, "vote-reply", "leader"},
		{raft.Leader, "saved", Commits},
		{raft.Leader, "request", Stays},
		{raft.Leader, "append-reply refused", "follower, later term"},
	}
	for _, w := range want {
		if c.Taken()[w] != 1 {
			t.Errorf("%s: counted %d times, want once", w, c.Taken()[w])
		}
	}
	if len(c.Taken()) != len(want) {
		t.Errorf("%v were taken, want %v", c.Taken(), want)
	}
	if missing := c.Missing(); slices.Contains(missing, want[0]) || !slices.Contains(missing, Transition{raft.Leader, "tick", "follower"}) {
		t.Errorf("missing are %v", missing)
	}
	if surprises := c.Unexpected(); len(surprises) != 0 {
		t.Errorf("not in the list: %v", surprises)
	}
}

func TestASurpriseIsNamed(t *testing.T) {
	c := New()
	c.Started(1, raft.State{})
	c.Did(stands(raft.Leader, 1, 0), raft.Tick{}, raft.Orders{})
	if got := c.Unexpected(); len(got) != 1 || got[0].String() != "follower, tick: leader, later term" {
		t.Errorf("surprises are %v", got)
	}
}

func TestCountsOfManyRunsAddUp(t *testing.T) {
	all := New()
	for range 3 {
		c := New()
		c.Started(1, raft.State{})
		c.Did(stands(raft.Follower, 0, 0), raft.Tick{}, raft.Orders{})
		all.Add(c)
	}
	if n := all.Taken()[Transition{raft.Follower, "tick", Stays}]; n != 3 {
		t.Errorf("counted %d, want 3", n)
	}
}

func TestTheListNamesEachTransitionOnce(t *testing.T) {
	seen := map[Transition]bool{}
	for x := range Expected() {
		if seen[x] {
			t.Errorf("%s is listed twice", x)
		}
		seen[x] = true
	}
	for _, r := range Impossible {
		if r.What == "" || r.Why == "" {
			t.Errorf("%+v: say what, and why", r)
		}
	}
}
