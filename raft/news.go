package raft

import (
	"slices"

	"github.com/balsaraft/balsa/raft/tracker"
)

// Untold says whether this leader knows of a commit of which a follower has not heard.
func (r *Raft) Untold() bool {
	return r.role == Leader && slices.ContainsFunc(r.lead.peers, r.lacksNews)
}

// Tell has the next Orders tell all followers what is committed. It is for Config.LateNews,
// without which they are told anyway.
func (r *Raft) Tell() {
	if r.role == Leader {
		r.lead.tell = true
	}
}

// lacksNews says whether a peer could be told of a commit that it has not heard of.
func (r *Raft) lacksNews(p *tracker.Peer) bool {
	return p.State == tracker.Replicate && p.Told < r.committed
}

// tellReader sees to it that who asked for a read index hears that it is committed: the
// read waits for that.
func (r *Raft) tellReader(q leaderRead) {
	if p := r.peer(q.from); p != nil && p.Told < q.index {
		r.lead.tell = true
	}
}
