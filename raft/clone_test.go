package raft_test

import (
	"hash/fnv"
	"testing"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// TestACloneGoesItsOwnWay plays chaos in which each core is replaced by its clone after
// every input, and what is left behind is misused. Whatever the cores order must be the
// same as without: the clone has all of the state, and shares none that changes.
func TestACloneGoesItsOwnWay(t *testing.T) {
	for seed := range uint64(60) {
		if plain, cloned := ordersBeside(seed, func(*member) {}), ordersBeside(seed, replaceByClone); plain != cloned {
			t.Errorf("seed %d gives other orders from clones", seed)
		}
	}
}

// ordersBeside is a digest of all that the cores of a run order, while something else is
// done to each member after every input. That draws none of the run's chance.
func ordersBeside(seed uint64, beside func(*member)) uint64 {
	c := newChaos(seed, func(string, ...any) {})
	quiet := false
	random := c.w.random
	c.w.random = func(id wire.MemberID) func() uint64 {
		draw := random(id)
		return func() uint64 {
			if quiet {
				return 0
			}
			return draw()
		}
	}
	for _, m := range c.w.members {
		m.cfg.Random = c.w.random(m.id)
		c.w.crash(m)
		c.w.start(m)
	}
	digest := fnv.New64a()
	c.w.ordering = func(m *member, o raft.Orders) {
		writeOrders(digest, m.id, o)
		quiet = true
		beside(m)
		quiet = false
	}
	c.faults(800)
	return digest.Sum64()
}

func replaceByClone(m *member) {
	left := m.core
	m.core = left.Clone()
	misuse(m, left)
}

// misuse gives a core inputs that change all there is to change. What it makes of them
// does not matter, not even that they may be impossible.
func misuse(m *member, r *raft.Raft) {
	defer func() { _ = recover() }()
	s := r.Status()
	_, _ = r.Propose(m.now, 2, 100)
	r.Read(m.now, 1<<40, false)
	for _, p := range s.Peers {
		r.Step(m.now, raft.LinkUp{ID: p.ID})
		r.Step(m.now, raft.Received{Message: wire.Message{
			Kind: wire.AppendReply, From: p.ID, To: m.id, Term: s.Term, Session: 1, Round: 1, Index: s.Last.Index,
		}})
	}
	r.Orders()
	r.Campaign(m.now)
	r.Step(m.now, raft.Received{Message: wire.Message{Kind: wire.Append, From: 99, To: m.id, Term: s.Term + 7, Spans: []wire.Span{{Term: s.Term + 7, First: 1, Last: 3}}}})
}

// What a clone was ordered to do stays what it was, though the original's newest save
// grows and its messages are made in the same memory.
func TestACloneKeepsItsOrders(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.cores[0]
	if _, err := leader.Propose(c.now, 1, 10); err != nil {
		t.Fatal(err)
	}
	clone := leader.Clone()
	if _, err := leader.Propose(c.now, 1, 10); err != nil {
		t.Fatal(err)
	}
	leader.Orders()
	o := clone.Orders()
	if len(o.Saves) != 1 || len(o.Saves[0].Entries) != 1 {
		t.Errorf("the clone's saves are %+v, want one entry", o.Saves)
	}
	for _, m := range o.Send {
		if len(m.Spans) != 1 || m.Spans[0].First != m.Spans[0].Last {
			t.Errorf("the clone sends %s, want one entry", m)
		}
	}
}
