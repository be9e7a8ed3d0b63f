package raft

import "time"

// lease lets a leader answer reads without asking anybody. It relies on clocks that
// run at about the same rate, and is only taken while somebody wants it: a follower
// that has promised its vote away cannot help to replace a leader that died.
type lease struct {
	wanted time.Duration // until then rounds ask for promises
	first  uint64        // first of an unbroken line of rounds that did, 0 for none
	until  time.Duration
	gone   bool // leadership was handed over in this term: no lease any more
}

// markLease decides whether the newest round asks for promises. All Appends of a round
// ask, or none does.
func (r *Raft) markLease() {
	l := &r.lead.lease
	switch {
	case l.gone || r.now >= l.wanted:
		l.first, l.until = 0, 0
	case l.first == 0:
		l.first = r.lead.rounds.newest
	}
}

func (l *lease) asked() bool { return l.first != 0 }

// extendLease takes the lease that a confirmed round is worth: each of a majority has
// promised its vote for an election timeout from a moment after the round began. The
// clocks may differ in rate (thesis §6.4.1). Only rounds of one unbroken line count: a
// member that answered a later one has made that promise too.
func (r *Raft) extendLease() {
	l, c := &r.lead.lease, &r.lead.rounds
	began, ok := c.start(c.confirmed)
	if !ok || l.first == 0 || c.confirmed < l.first {
		return
	}
	l.until = max(l.until, began+r.cfg.ElectionTimeout/1000*time.Duration(1000-r.cfg.ClockDrift))
}

// wantLease keeps leases going for a while.
func (r *Raft) wantLease() { r.lead.lease.wanted = r.now + 4*r.cfg.ElectionTimeout }

func (r *Raft) holdsLease() bool { return !r.lead.lease.gone && r.now < r.lead.lease.until }

// dropLease ends the lease for the rest of the term: the promises behind it do not
// bind a member that was told to take over.
func (r *Raft) dropLease() { r.lead.lease.gone, r.lead.lease.until, r.lead.lease.first = true, 0, 0 }
