package raft

import (
	"time"

	"github.com/balsaraft/balsa/wire"
)

// transfer is a handover of leadership under way (thesis §3.10).
type transfer struct {
	to    wire.MemberID // 0 for none
	until time.Duration // when it is given up, and proposals are taken again
}

// Transfer hands leadership over to a voter: it is brought up to date, while no
// proposals are taken, and then told to campaign at once. It has succeeded when Status
// shows that leader; it is given up after an election timeout.
//
// Errors: ErrNotLeader, ErrUnknownMember, ErrTransferring if another one is under way.
func (r *Raft) Transfer(now time.Duration, to wire.MemberID) error {
	r.pass(now)
	defer r.check()
	switch {
	case r.role != Leader:
		return ErrNotLeader
	case !r.members.latest().IsVoter(to):
		return ErrUnknownMember
	case to == r.cfg.ID || r.lead.transfer.to == to:
		return nil
	case r.lead.transfer.to != 0:
		return ErrTransferring
	}
	r.lead.transfer = transfer{to: to, until: r.now + r.cfg.ElectionTimeout}
	r.continueTransfer()
	return nil
}

// continueTransfer lets the target campaign once it holds the whole log.
func (r *Raft) continueTransfer() {
	if p := r.peer(r.lead.transfer.to); p != nil && p.Match == r.log.last().Index {
		r.tellToCampaign(p.ID)
	}
}

// tellToCampaign ends the lease before anybody can be elected in spite of it.
func (r *Raft) tellToCampaign(id wire.MemberID) {
	r.dropLease()
	r.send(wire.Message{Kind: wire.TimeoutNow, To: id})
}

// expireTransfer gives up a transfer that took too long, or whose target is gone.
func (r *Raft) expireTransfer() {
	t := &r.lead.transfer
	if t.to != 0 && (r.now >= t.until || r.peer(t.to) == nil) {
		*t = transfer{}
	}
}

// handOff tells the voter whose log reaches farthest to take over, for a leader that
// steps down.
func (r *Raft) handOff() {
	best := wire.MemberID(0)
	match := wire.Index(0)
	for _, p := range r.lead.peers {
		if r.members.latest().IsVoter(p.ID) && p.Active(r.now-r.cfg.ElectionTimeout) && (best == 0 || p.Match > match) {
			best, match = p.ID, p.Match
		}
	}
	if best != 0 {
		r.tellToCampaign(best)
	}
}

// onTimeoutNow campaigns because the leader asks for it. Voters do not protect a
// leader that hands over, so there is no pre-vote.
func (r *Raft) onTimeoutNow(m wire.Message) {
	if r.role == Follower && r.leader == m.From && r.mayLead() && !r.stalled() {
		r.campaign(true)
	}
}
