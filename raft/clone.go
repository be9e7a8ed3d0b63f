package raft

import (
	"slices"

	"github.com/balsaraft/balsa/raft/tracker"
)

// Clone is a second member in the same state, for whoever wants to know what would
// happen next in more than one way. From then on the two share nothing that either
// changes, except Config.Random: if that has a state of its own, what one draws the
// other does not.
func (r *Raft) Clone() *Raft {
	c := *r
	c.log.stretches = slices.Clone(r.log.stretches)
	c.members = slices.Clone(r.members)
	c.saves.queue = slices.Clone(r.saves.queue)
	c.saves.held = slices.Clone(r.saves.held)
	c.election.ballots = slices.Clone(r.election.ballots)
	c.asked = slices.Clone(r.asked)
	c.lead = r.lead.clone()
	c.out = r.out.clone()
	c.spans = nil // the messages in out keep the memory they have
	return &c
}

func (l *leadership) clone() *leadership {
	if l == nil {
		return nil
	}
	c := *l
	c.peers = make([]*tracker.Peer, len(l.peers))
	for k, p := range l.peers {
		c.peers[k] = p.Clone()
	}
	// Voters are only ever replaced as a whole; scratch must not be shared.
	c.indexes = slices.Grow(c.indexes[:0:0], cap(l.indexes))
	c.numbers = slices.Grow(c.numbers[:0:0], cap(l.numbers))
	c.rounds.began = slices.Clone(l.rounds.began)
	c.reads.waiting = slices.Clone(l.reads.waiting)
	c.reads.started = slices.Clone(l.reads.started)
	return &c
}

// clone copies what grows until the orders are taken: the newest save may still change.
func (o Orders) clone() Orders {
	o.Saves = slices.Clone(o.Saves)
	for k := range o.Saves {
		s := &o.Saves[k]
		s.Entries = slices.Clone(s.Entries)
		if s.HardState != nil {
			h := *s.HardState
			s.HardState = &h
		}
	}
	o.Send = slices.Clone(o.Send)
	o.Reads = slices.Clone(o.Reads)
	o.Snapshots = slices.Clone(o.Snapshots)
	return o
}
