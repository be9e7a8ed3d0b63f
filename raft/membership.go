package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

// ChangeMembers makes these the members, each with its role. A change of voters goes
// through a joint configuration (paper §6), which is left by itself; in one that
// leaves the voters as they are, a single entry is enough, because all quorums stay
// the same. The change is complete when Status shows a membership that is not joint
// and that entry is committed. Asking for the members there are does nothing.
//
// Errors: ErrNotLeader, ErrTransferring, ErrNotReady, ErrChangeInProgress, ErrNoVoter,
// or what is wrong with the members.
func (r *Raft) ChangeMembers(now time.Duration, members []wire.Member) error {
	r.pass(now)
	err := r.changeMembers(members)
	r.check()
	return err
}

// RaiseVersion makes v the version of the cluster, which every member must understand, by
// an entry that leaves the members as they are: from there on the log may hold what needs
// v. One that the cluster has reached already does nothing, and a version never falls.
//
// Errors: ErrNotLeader, ErrTransferring, ErrNotReady, ErrChangeInProgress.
func (r *Raft) RaiseVersion(now time.Duration, v wire.ClusterVersion) error {
	r.pass(now)
	next := r.members.latest()
	if next.Version.Reaches(v) {
		return nil
	}
	next.Version.Log, next.Version.Commands = max(next.Version.Log, v.Log), max(next.Version.Commands, v.Commands)
	err := r.changeMembership(next)
	r.check()
	return err
}

func (r *Raft) changeMembers(members []wire.Member) error {
	if !slices.ContainsFunc(members, func(m wire.Member) bool { return m.Role == wire.Voter }) {
		return ErrNoVoter
	}
	next, err := wire.NewMembership(members...)
	if err != nil {
		return err
	}
	next.Version = r.members.latest().Version
	return r.changeMembership(next)
}

func (r *Raft) changeMembership(next wire.Membership) error {
	now := r.members.latest()
	switch {
	case r.role != Leader:
		return ErrNotLeader
	case r.lead.transfer.to != 0:
		return ErrTransferring
	case next.Equal(now):
		return nil
	case !r.committedInTerm():
		// A leader that changed the members before it committed anything could do so
		// beside one that was half made before it (Ongaro's erratum of 2015).
		return ErrNotReady
	case now.Joint() || r.members.latestAt() > r.committed:
		return ErrChangeInProgress
	}
	if !slices.Equal(next.Voters(), now.Voters()) {
		next.Outgoing = votersOf(now)
	}
	r.appendOwn(&next)
	return nil
}

// votersOf lists the voters of the incoming, or only, configuration.
func votersOf(m wire.Membership) []wire.Member {
	return slices.DeleteFunc(slices.Clone(m.Members), func(a wire.Member) bool { return a.Role != wire.Voter })
}

// membershipChanged acts on another latest membership: it counts at once, committed or
// not.
func (r *Raft) membershipChanged() {
	r.voter = r.members.latest().IsVoter(r.cfg.ID)
	r.out.Changed = true
	if r.role == Leader {
		r.listPeers()
	}
}

// membershipCommitted goes on once the latest membership is committed: a joint one is
// left, and a leader that it does not list as a voter has done its last duty (paper
// §6, thesis §4.2.2).
func (r *Raft) membershipCommitted() {
	m := r.members.latest()
	switch {
	case r.members.latestAt() > r.committed:
	case m.Joint():
		r.appendOwn(&wire.Membership{Members: m.Members, Version: m.Version})
	case !r.voter:
		r.lead.tell = true
		r.supplyPeers() // the last news of this leader: what is committed
		r.handOff()
		r.stepDown()
	}
}

// promoteLearners makes voters of learners that have caught up, as long as there are
// fewer than there may be. One has caught up if it holds all that there was at the last
// heartbeat (thesis §4.2.1).
func (r *Raft) promoteLearners() {
	m := r.members.latest()
	room := r.cfg.MaxVoters - len(m.Voters())
	if room <= 0 || m.Joint() || r.members.latestAt() > r.committed || !r.committedInTerm() || r.lead.transfer.to != 0 {
		return
	}
	next := slices.Clone(m.Members)
	for i := range next {
		if next[i].Role == wire.Learner && room > 0 && r.mayVote(next[i]) && r.caughtUp(next[i].ID) {
			next[i].Role = wire.Voter
			room--
		}
	}
	// What stands in the way now may be gone at the next heartbeat.
	_ = r.changeMembers(next)
}

func (r *Raft) mayVote(m wire.Member) bool { return r.cfg.MayVote == nil || r.cfg.MayVote(m) }

// replaceAway lets a learner that has caught up vote in place of a voter that has not
// answered for long, one at a time: a cluster of three, one of which is gone, would stand
// still if it lost another. The voter that is away becomes a learner, since it may come
// back, and is promoted again then if there is room.
func (r *Raft) replaceAway() {
	m := r.members.latest()
	if r.cfg.ReplaceAfter == 0 || m.Joint() || r.members.latestAt() > r.committed || !r.committedInTerm() || r.lead.transfer.to != 0 {
		return
	}
	next := slices.Clone(m.Members)
	away := slices.IndexFunc(next, func(a wire.Member) bool {
		p := r.peer(a.ID)
		return a.Role == wire.Voter && p != nil && r.now-p.Contact >= r.cfg.ReplaceAfter
	})
	heir := slices.IndexFunc(next, func(a wire.Member) bool {
		return a.Role == wire.Learner && r.caughtUp(a.ID) && (r.cfg.MayVote == nil || r.cfg.MayVote(a))
	})
	if away < 0 || heir < 0 {
		return
	}
	next[away].Role, next[heir].Role = wire.Learner, wire.Voter
	// As with promotions, what stands in the way now may be gone at the next heartbeat.
	_ = r.changeMembers(next)
}

func (r *Raft) caughtUp(id wire.MemberID) bool {
	p := r.peer(id)
	return p != nil && p.State == tracker.Replicate && p.Match >= r.lead.endAtLastHeartbeat && p.Active(r.now-r.cfg.ElectionTimeout)
}
