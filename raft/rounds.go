package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft/quorum"
	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

// rounds are questions to all members whether this one still leads. Every Append
// carries the number of the newest, and its answer says that the sender followed this
// leader at some moment after that round began. What a majority has answered is
// confirmed: nobody else could have been elected before it began (thesis §6.4).
type rounds struct {
	newest      uint64
	confirmed   uint64
	confirmedAt time.Duration // when the newest confirmed round began
	began       []roundStart  // oldest first, at least all not older than an election timeout
	few         bool          // the newest was not asked of all
	old         int           // how many of them are older, and will be forgotten
}

type roundStart struct {
	number uint64
	at     time.Duration
}

// maxUnconfirmed is how many rounds may be under way. Reads that come meanwhile share
// the next one.
const maxUnconfirmed = 32

// beginRound starts a round, which the next Append to every peer carries.
func (r *Raft) beginRound() {
	r.openRound()
	r.askAll()
}

// beginReadRound starts a round that nobody but reads need. It is asked of no more members
// than a majority takes, if as many have answered the last round: the others would do work
// for nothing. If these are late with this one, askMore asks all.
func (r *Raft) beginReadRound() {
	near := r.nearest()
	if r.openRound(); near == nil {
		r.askAll()
		return
	}
	r.lead.rounds.few = true
	for _, p := range near {
		p.Due = r.lead.rounds.newest
	}
}

// nearest are as few voters as make a majority with this member, of those who have answered
// the last round; nil if that is not enough, or not all have been heard of.
func (r *Raft) nearest() (near []*tracker.Peer) {
	c := &r.lead.rounds
	need := len(r.lead.voters) / 2
	if c.confirmed < c.newest || !r.voter || len(r.lead.outgoing) > 0 {
		return nil
	}
	for _, p := range r.lead.peers {
		if len(near) < need && p.Answered >= c.confirmed && slices.Contains(r.lead.voters, p.ID) {
			near = append(near, p)
		}
	}
	if len(near) < need {
		return nil
	}
	return near
}

// askAll has every peer asked for the newest round.
func (r *Raft) askAll() {
	r.lead.rounds.few = false
	for _, p := range r.lead.peers {
		p.Due = r.lead.rounds.newest
	}
}

// askMore asks all if a round that few were asked for is late.
func (r *Raft) askMore() {
	if at, late := r.lateRound(); late && at <= r.now {
		r.askAll()
	}
}

// lateRound is when a round is late that few were asked for. It says false if there is none.
func (r *Raft) lateRound() (at time.Duration, is bool) {
	c := &r.lead.rounds
	if !c.few || c.newest == c.confirmed {
		return 0, false
	}
	return c.began[len(c.began)-1].at + roundPause, true
}

func (r *Raft) openRound() {
	c := &r.lead.rounds
	c.forgetBefore(r.now - r.cfg.ElectionTimeout)
	c.newest++
	c.began = append(c.began, roundStart{c.newest, r.now})
	r.markLease()
	r.startReads()
	if r.votesAlone() {
		r.confirmRounds() // nobody else's answer is needed
	}
}

// forgetBefore drops the beginnings of rounds that are confirmed and older, once they are
// half of all: there may be ten thousand rounds a second, and each would move the rest.
func (c *rounds) forgetBefore(at time.Duration) {
	for c.old < len(c.began) && c.began[c.old].number <= c.confirmed && c.began[c.old].at < at {
		c.old++
	}
	if 2*c.old > len(c.began) {
		c.began, c.old = slices.Delete(c.began, 0, c.old), 0
	}
}

// start is when a round began. It says false of rounds so old that it does not matter.
func (c *rounds) start(number uint64) (time.Duration, bool) {
	k, ok := slices.BinarySearchFunc(c.began, number, func(s roundStart, n uint64) int {
		switch {
		case s.number < n:
			return -1
		case s.number > n:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, false
	}
	return c.began[k].at, true
}

// confirmRounds looks how many rounds a majority has answered. The leader itself
// counts, as far as it votes.
func (r *Raft) confirmRounds() {
	c := &r.lead.rounds
	reached := reachedOf(r, r.lead.numbers, func(id wire.MemberID) uint64 {
		if id == r.cfg.ID {
			return c.newest
		}
		return r.peer(id).Answered
	})
	if reached <= c.confirmed {
		return
	}
	c.confirmed = reached
	if at, ok := c.start(reached); ok {
		c.confirmedAt = at
	}
	r.extendLease()
	r.releaseReads()
}

// reachedOf is the largest value that a majority, of both configurations while they
// are joint, has reached.
func reachedOf[T ~uint64](r *Raft, scratch []T, value func(wire.MemberID) T) T {
	values := scratch[:0]
	for _, id := range r.lead.voters {
		values = append(values, value(id))
	}
	n := len(values)
	for _, id := range r.lead.outgoing {
		values = append(values, value(id))
	}
	return quorum.JointReached(values[:n:n], values[n:])
}
