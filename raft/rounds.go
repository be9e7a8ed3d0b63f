package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft/quorum"
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
	began       []roundStart  // of those not older than an election timeout, oldest first
}

type roundStart struct {
	number uint64
	at     time.Duration
}

// maxUnconfirmed is how many rounds may be under way. Reads that come meanwhile share
// the next one.
const maxUnconfirmed = 32

// beginRound starts a round, which the next Appends carry.
func (r *Raft) beginRound() {
	c := &r.lead.rounds
	n := 0
	for n < len(c.began) && c.began[n].number <= c.confirmed && c.began[n].at+r.cfg.ElectionTimeout < r.now {
		n++
	}
	c.began = slices.Delete(c.began, 0, n)
	c.newest++
	c.began = append(c.began, roundStart{c.newest, r.now})
	r.markLease()
	r.startReads()
	if r.votesAlone() {
		r.confirmRounds() // nobody else's answer is needed
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
