package raft

import (
	"time"

	"github.com/balsaraft/balsa/wire"
)

// following is what a member keeps of the leader it follows.
type following struct {
	heard   time.Duration // when it last heard from a leader
	promise promise

	session  uint64     // newest one of the leader's view of this member
	round    uint64     // newest round that was answered
	matched  wire.Index // up to here the log equals the leader's
	reported wire.Index // largest index acknowledged in the session
}

// promise is a vote that is promised away: until then nobody gets it, lest somebody lead
// beside the lease of a leader (thesis §6.4.1).
type promise struct {
	until time.Duration
	term  wire.Term // the last whose leader may rely on it
}

// forget starts over with another leader, or with the same after it was lost. What
// was promised holds.
func (f *following) forget() { *f = following{heard: f.heard, promise: f.promise} }

// onAppend takes in what the leader of this term sent. There is only one, so nobody
// else's Append of the same term is looked at.
func (r *Raft) onAppend(m wire.Message) {
	if r.role == Leader || r.leader != 0 && r.leader != m.From || !wellFormed(m) {
		return
	}
	r.hearLeader(m)
	if m.Pos.Index > r.committed && !r.log.holds(m.Pos) {
		r.rejectAppend(m)
		return
	}
	if term, ok := r.log.term(m.Pos.Index); ok && term != m.Pos.Term {
		r.contradicts(m.Pos)
	}
	r.takeEntries(m)
	r.acknowledge(m)
}

// hearLeader notes a sign of life, and promises the vote away if the leader relies
// on that.
func (r *Raft) hearLeader(m wire.Message) {
	if r.role != Follower || r.leader != m.From {
		r.follow(r.hard.Term, m.From)
	}
	r.following.heard, r.election.hurry = r.now, 0
	r.renewPromise(m.Lease)
	r.postponeElection()
}

// renewPromise promises the vote to the leader that was heard, if it asks for that. If it
// does not, and is of a later term than what was promised before, that binds no longer: its
// election needed a majority, and with that one whose promise to the former leader had ended.
func (r *Raft) renewPromise(asked bool) {
	switch {
	case asked:
		r.following.promise = promise{r.now + r.cfg.ElectionTimeout, r.hard.Term}
		if !r.hard.Promised {
			r.setHardState(r.hard)
		}
	case r.hard.Term > r.following.promise.term:
		r.following.promise = promise{}
	}
}

// promised says whether the vote is promised away.
func (r *Raft) promised() bool { return r.now < r.following.promise.until }

// rejectAppend says that the log does not hold the entry before the ones sent, and
// where the logs may agree: one answer skips a whole term (paper §5.3, end).
func (r *Raft) rejectAppend(m wire.Message) {
	r.following.session = max(r.following.session, m.Session)
	r.following.round = max(r.following.round, m.Round)
	r.answerLeader(wire.Message{
		Kind: wire.AppendReply, To: m.From, Session: m.Session, Round: m.Round,
		Reject: true, Index: m.Pos.Index, Pos: r.log.agreement(m.Pos),
	})
}

// takeEntries appends what the log lacks. Entries are dropped only where the terms
// really conflict (paper §5.3): a late Append that says less than the log holds
// truncates nothing.
func (r *Raft) takeEntries(m wire.Message) {
	end := m.Pos.Index
	for _, s := range m.Spans {
		if agreed := r.log.agreesUntil(s); agreed < s.Last {
			r.truncateAfter(agreed, s.Term)
			r.appendEntries(cut(s, agreed+1), FromMessage)
		}
		end = s.Last
	}
	r.following.matched = max(r.following.matched, end)
	// Beyond the end of this very message nothing was compared with the leader's log.
	r.commitTo(min(m.Commit, end))
}

// truncateAfter drops the entries after index i, which conflict with the leader's.
func (r *Raft) truncateAfter(i wire.Index, term wire.Term) {
	if i >= r.log.last().Index {
		return
	}
	if i < r.committed {
		r.contradicts(wire.Pos{Term: term, Index: i + 1})
	}
	r.log.truncate(i)
	r.saves.truncate(i)
	if r.members.truncate(i) {
		r.membershipChanged()
	}
}

// contradicts stops the member: the leader's log differs from what is committed here.
// One of the two lost what it had acknowledged, or its disk lies.
func (r *Raft) contradicts(p wire.Pos) {
	term, _ := r.log.term(p.Index)
	broken("append of %s conflicts with committed entry %s", p, wire.Pos{Term: term, Index: p.Index})
}

// commitTo moves the commit index of a member that was told of it.
func (r *Raft) commitTo(i wire.Index) {
	if i > r.committed {
		r.committed = i
		r.out.Committed = i
	}
}

// acknowledge answers an Append that was taken in, if there is something to say now:
// a new round is confirmed at once, however busy the disk; entries once they are
// durable, which for a repeated Append they are already.
func (r *Raft) acknowledge(m wire.Message) {
	f := &r.following
	fresh := m.Round > f.round || m.Session > f.session
	if m.Session > f.session {
		f.session, f.reported = m.Session, 0
	}
	f.round = max(f.round, m.Round)
	repeated := len(m.Spans) > 0 && m.Spans[len(m.Spans)-1].Last <= r.saves.durable
	if fresh || repeated || r.acknowledgeable() > f.reported {
		r.sendAppendReply()
	}
}

// acknowledgeable is up to where the log is durable and equals the leader's.
func (r *Raft) acknowledgeable() wire.Index { return min(r.saves.durable, r.following.matched) }

func (r *Raft) acknowledgeSaved() {
	if r.following.session != 0 && r.acknowledgeable() > r.following.reported {
		r.sendAppendReply()
	}
}

func (r *Raft) sendAppendReply() {
	f := &r.following
	f.reported = r.acknowledgeable()
	r.answerLeader(wire.Message{Kind: wire.AppendReply, To: r.leader, Session: f.session, Round: f.round, Index: f.reported})
}

// answerLeader sends an answer by which the leader's round may be confirmed. One that is a
// promise waits until the hard state is durable: after a restart, that is all that says
// whether the vote may be promised, and to whose lease.
func (r *Raft) answerLeader(m wire.Message) {
	if r.promised() && !r.saves.hardDurable() {
		r.sendSaved(m)
		return
	}
	r.send(m)
}

// onSnapshotInstalled makes the log start after a snapshot. A log that holds the
// snapshot's position keeps what follows it; any other is a former life's or a
// deposed leader's, and goes (paper §7).
func (r *Raft) onSnapshotInstalled(e SnapshotInstalled) {
	switch {
	case e.Pos.Index <= r.log.start.Index:
	case r.log.holds(e.Pos):
		r.commitTo(e.Pos.Index)
		r.applied = max(r.applied, e.Pos.Index)
		r.compactTo(e.Pos.Index, e.Membership)
	case e.Pos.Index <= r.committed || r.role == Leader:
		r.contradicts(e.Pos)
	default:
		r.replaceLog(e)
	}
	r.following.matched = max(r.following.matched, r.committed)
	if r.role == Follower && r.leader == e.From && r.following.session != 0 {
		r.sendAppendReply()
	}
}

func (r *Raft) replaceLog(e SnapshotInstalled) {
	if r.role != Follower || e.Pos.Term > r.hard.Term {
		r.follow(max(r.hard.Term, e.Pos.Term), 0)
	}
	r.log.reset(e.Pos)
	r.saves.reset(e.Pos.Index)
	r.members = history{{e.Pos.Index, e.Membership}}
	r.membershipChanged()
	r.commitTo(e.Pos.Index)
	r.applied = e.Pos.Index
}

// onCompacted cuts off what a snapshot holds.
func (r *Raft) onCompacted(p wire.Pos) {
	if p.Index > r.applied {
		broken("compacted %s beyond applied %d", p, r.applied)
	}
	if p.Index > r.log.start.Index {
		r.compactTo(p.Index, r.members.at(p.Index))
	}
}

// compactTo drops the entries up to index i. They are durable in a snapshot, though
// some may not yet have been in the log.
func (r *Raft) compactTo(i wire.Index, m wire.Membership) {
	r.log.compact(i)
	r.members.compact(i, m)
	r.saves.durable = max(r.saves.durable, i)
	r.membershipChanged()
}
