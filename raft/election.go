package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft/quorum"
	"github.com/balsaraft/balsa/wire"
)

// election says when this member campaigns, and how its campaign stands.
type election struct {
	deadline time.Duration
	hurry    time.Duration // until then nobody is thought to lead: retry soon
	dead     wire.MemberID // that leader, which answers nobody while hurry lasts; 0 once it is back
	force    bool          // the old leader asked for this campaign
	ballots  []ballot
}

// ballot is the answer of one member. The first counts, whatever comes twice.
type ballot struct {
	from    wire.MemberID
	granted bool
}

func (e *election) count(from wire.MemberID, granted bool) {
	if !e.answered(from) {
		e.ballots = append(e.ballots, ballot{from, granted})
	}
}

func (e *election) answered(from wire.MemberID) bool {
	for _, b := range e.ballots {
		if b.from == from {
			return true
		}
	}
	return false
}

// tally counts a dead member that has not answered as one that rejects: were it waited for,
// two survivors who voted for themselves would do so for an election timeout.
func (e *election) tally(voters []wire.MemberID, dead wire.MemberID) quorum.Tally {
	t := quorum.Tally{Voters: len(voters)}
	for _, id := range voters {
		if id == dead && !e.answered(id) {
			t.Rejected++
		}
		for _, b := range e.ballots {
			switch {
			case b.from == id && b.granted:
				t.Granted++
			case b.from == id:
				t.Rejected++
			}
		}
	}
	return t
}

// result is how the vote stands among the voters of the latest membership, of both
// configurations while it is joint.
func (r *Raft) result() quorum.Result {
	m := r.members.latest()
	var dead wire.MemberID
	if r.now < r.election.hurry {
		dead = r.election.dead
	}
	return quorum.JointResult(r.election.tally(m.Voters(), dead), r.election.tally(m.OutgoingVoters(), dead))
}

// mayLead says whether this member may be elected: as a voter, or as one that is about
// to be none. While nobody knows that the membership without it is committed, those
// that are to stay may need it as a leader, for only its log may hold that membership.
// It then counts no vote of its own (thesis §4.2.2).
func (r *Raft) mayLead() bool {
	return r.voter || r.members.latestAt() > r.committed && r.members.beforeLatest().IsVoter(r.cfg.ID)
}

// Campaign starts an election now instead of at the election timeout, with a pre-vote
// like any other. It does nothing on a leader and on a member that may not lead.
func (r *Raft) Campaign(now time.Duration) {
	r.pass(now)
	if r.mayLead() && r.role != Leader {
		r.election.deadline = r.now
		r.onElectionTimeout()
	}
	r.check()
}

// onElectionTimeout starts a pre-vote, unless something forbids it for the moment.
func (r *Raft) onElectionTimeout() {
	switch {
	case !r.mayLead():
		// A learner, and a member that was removed, never campaigns; but it no longer
		// sends its reads to a leader of which it hears nothing.
		r.follow(r.hard.Term, 0)
	case r.promised():
		// Its own vote is promised away like that of others (thesis §6.4.1).
		r.election.deadline = r.following.promise.until
	case r.stalled():
		r.follow(r.hard.Term, 0)
		r.postponeElection()
	default:
		r.preCampaign()
	}
}

// preCampaign asks whether an election could be won, without touching any term, so
// that a member which was cut off disturbs nobody when it is back (thesis §9.6).
func (r *Raft) preCampaign() {
	r.follow(r.hard.Term, 0)
	r.become(PreCandidate)
	r.election.ballots, r.election.force = nil, false
	r.postponeElection()
	r.ask()
	r.onPreVoteReply(wire.Message{From: r.cfg.ID, Term: r.hard.Term + 1})
}

// campaign enters a new term and asks for votes. The questions and the candidate's
// own vote wait until its vote is durable: a crash must not let it vote twice in
// this term (paper §5.2).
func (r *Raft) campaign(force bool) {
	r.follow(r.hard.Term+1, 0)
	r.become(Candidate)
	r.setHardState(wire.HardState{Term: r.hard.Term, Vote: r.cfg.ID})
	r.election.ballots, r.election.force = nil, force
	r.postponeElection()
	r.ask()
	r.sendSaved(wire.Message{Kind: wire.VoteReply, To: r.cfg.ID})
}

// ask sends the campaign's question to all other voters.
func (r *Raft) ask() {
	for _, m := range r.members.latest().All() {
		if m.ID != r.cfg.ID && r.members.latest().IsVoter(m.ID) {
			r.askOne(m.ID)
		}
	}
}

func (r *Raft) askOne(id wire.MemberID) {
	if r.role == PreCandidate {
		r.send(wire.Message{Kind: wire.PreVote, To: id, Term: r.hard.Term + 1, Pos: r.log.last()})
		return
	}
	r.sendSaved(wire.Message{Kind: wire.Vote, To: id, Pos: r.log.last(), Force: r.election.force})
}

// askAgain repeats the question to a member that may not have got it.
func (r *Raft) askAgain(id wire.MemberID) {
	if r.members.latest().IsVoter(id) && !r.election.answered(id) {
		r.askOne(id)
	}
}

// protectsLeader says whether a request for a vote is to be ignored because, as far
// as this member knows, there is a leader (thesis §4.2.3), or because it promised
// its vote away to a lease (§6.4.1). A handover is not ignored: the leader asked for
// it, and has given up its lease for the rest of its term.
func (r *Raft) protectsLeader(m wire.Message) bool {
	if m.Kind != wire.PreVote && (m.Kind != wire.Vote || m.Force) {
		return false
	}
	heard := r.leader != 0 && r.now < r.following.heard+r.cfg.ElectionTimeout
	return r.role == Leader || heard || r.promised()
}

// onPreVote says whether a vote would be granted. Everyone answers, learners too: a
// member may be a voter already and not know it yet.
func (r *Raft) onPreVote(m wire.Message) {
	if r.stalled() {
		return // the vote itself could never be told
	}
	free := m.Term == r.hard.Term && r.leader == 0 && (r.hard.Vote == 0 || r.hard.Vote == m.From)
	reply := wire.Message{Kind: wire.PreVoteReply, To: m.From, Term: m.Term}
	if m.Term < r.hard.Term || m.Term == r.hard.Term && !free || !m.Pos.AtLeastAsUpToDate(r.log.last()) {
		reply.Term, reply.Reject = r.hard.Term, true
	}
	r.send(reply)
}

func (r *Raft) onPreVoteReply(m wire.Message) {
	if r.role != PreCandidate || !m.Reject && m.Term != r.hard.Term+1 {
		return
	}
	r.election.count(m.From, !m.Reject)
	switch r.result() {
	case quorum.Won:
		r.campaign(false)
	case quorum.Lost:
		r.giveUp()
	}
}

// onVote grants the vote of this term once, to a candidate whose log is at least as
// up to date as this one's (paper §5.4.1). The answer waits until the vote is
// durable.
func (r *Raft) onVote(m wire.Message) {
	free := r.hard.Vote == m.From || r.hard.Vote == 0 && r.leader == 0
	if !free || !m.Pos.AtLeastAsUpToDate(r.log.last()) {
		r.send(wire.Message{Kind: wire.VoteReply, To: m.From, Reject: true})
		return
	}
	if r.hard.Vote == 0 {
		r.setHardState(wire.HardState{Term: r.hard.Term, Vote: m.From})
	}
	r.postponeElection()
	r.sendSaved(wire.Message{Kind: wire.VoteReply, To: m.From})
}

func (r *Raft) onVoteReply(m wire.Message) {
	if r.role != Candidate {
		return
	}
	r.election.count(m.From, !m.Reject)
	switch r.result() {
	case quorum.Won:
		r.beginReign()
	case quorum.Lost:
		r.giveUp()
	}
}

// giveUp ends a campaign that cannot be won any more. The next is due when this one
// would have ended, or soon if nobody can lead meanwhile.
func (r *Raft) giveUp() {
	r.become(Follower)
	if r.now < r.election.hurry {
		r.postponeElection()
	}
}

// forgetLeader acts on the evidence that the leader's process is dead: a campaign
// starts after a short random delay, without waiting for the timeout. A partition
// looks different, and keeps the timeout.
func (r *Raft) forgetLeader(id wire.MemberID) {
	if id != r.leader || id == 0 {
		return
	}
	r.follow(r.hard.Term, 0)
	r.hurry(id)
}

// hurry makes a campaign due soon, since nobody leads; the leader that is dead, if one was
// known, is not waited for. The delay is random, so that few campaign at one time.
func (r *Raft) hurry(dead wire.MemberID) {
	r.election.hurry, r.election.dead = r.now+2*r.cfg.ElectionTimeout, dead
	r.election.deadline = max(r.now+r.draw(r.cfg.ElectionTimeout/10), r.following.promise.until)
}

// postponeElection draws when this member campaigns next (paper §5.2).
func (r *Raft) postponeElection() {
	least := r.cfg.ElectionTimeout
	if r.now < r.election.hurry && r.role != Candidate {
		least /= 10
	}
	r.election.deadline = r.now + least + r.draw(least)
}

// follow makes the member a follower in a term, which is never lower than its own. A
// vote is forgotten with its term and not before.
func (r *Raft) follow(term wire.Term, leader wire.MemberID) {
	news := term > r.hard.Term || leader != r.leader
	if r.role != Follower {
		r.become(Follower)
	}
	if news {
		r.failAsked()
		r.out.Changed = true
		r.leader = leader
		r.following.forget()
	}
	r.raiseTo(term)
	r.following.matched = max(r.following.matched, r.committed)
}

// raiseTo enters a later term, in which there is no vote yet.
func (r *Raft) raiseTo(term wire.Term) {
	if term > r.hard.Term {
		r.setHardState(wire.HardState{Term: term})
	}
}

// become changes the role. A leader's state ends with its reign.
func (r *Raft) become(role Role) {
	if r.role == Leader {
		r.endReign()
	}
	r.out.Changed = r.out.Changed || role != r.role
	r.role = role
}

// othersVote says whether a membership has another voter than this member.
func (r *Raft) othersVote(m wire.Membership) bool {
	return slices.ContainsFunc(m.All(), func(a wire.Member) bool { return a.ID != r.cfg.ID && m.IsVoter(a.ID) })
}

// votesAlone says whether this member is all of every majority.
func (r *Raft) votesAlone() bool {
	m := r.members.latest()
	return r.voter && len(m.Voters()) == 1 && !m.Joint()
}
