package raft

import "github.com/balsaraft/balsa/wire"

// advanceCommit commits what a majority has made durable. The leader's own disk counts
// as one among the others, if it votes at all.
func (r *Raft) advanceCommit() {
	reached := reachedOf(r, r.lead.indexes, func(id wire.MemberID) wire.Index {
		if id == r.cfg.ID {
			return r.saves.durable
		}
		return r.peer(id).Match
	})
	// Only an entry of this term commits by counting: an older one may still be
	// overwritten by a leader that never saw it (paper §5.4.2, figure 8).
	if reached <= r.committed || reached < r.lead.began {
		return
	}
	r.commitTo(reached)
	r.membershipCommitted()
}
