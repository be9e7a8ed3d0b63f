package raft

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft/quorum"
	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

// leadership is what a member keeps only while it leads.
type leadership struct {
	began wire.Index // of the term's first entry: once it is committed, all before it is

	// All other members, ordered by identity, and the voters of both configurations.
	peers              []*tracker.Peer
	voters, outgoing   []wire.MemberID
	session            uint64        // the last one begun
	indexes            []wire.Index  // scratch, for the arithmetic of majorities
	numbers            []uint64      // the same
	heartbeat          time.Duration // when the next round begins at the latest
	tell               bool          // all are to hear of what is committed
	endAtLastHeartbeat wire.Index    // the log's end at the last heartbeat

	rounds   rounds
	lease    lease
	reads    leaderReads
	transfer transfer
}

// beginReign makes a candidate the leader. The entry that it appends at once is the
// first of its term, without which nothing earlier could be committed or read (paper
// §5.4.2, §8).
func (r *Raft) beginReign() {
	r.become(Leader)
	r.leader, r.election.hurry = r.cfg.ID, 0
	r.lead = &leadership{began: r.log.last().Index + 1, endAtLastHeartbeat: r.log.last().Index}
	r.out.Changed = true
	r.listPeers()
	r.beat()
	r.appendOwn(nil)
}

// endReign gives up what only a leader has. Whoever waits for its word is told to ask
// another.
func (r *Raft) endReign() {
	r.failLeaderReads()
	r.lead, r.leader = nil, 0
	r.following.forget()
}

// listPeers brings the views of peers in line with the membership. One that is added,
// again or for the first time, gets a session of its own, so that no answer of a former
// life counts for it.
func (r *Raft) listPeers() {
	l, m := r.lead, r.members.latest()
	before := l.peers
	l.peers, l.voters, l.outgoing = nil, m.Voters(), m.OutgoingVoters()
	l.indexes = make([]wire.Index, 0, len(l.voters)+len(l.outgoing))
	l.numbers = make([]uint64, 0, len(l.voters)+len(l.outgoing))
	for _, member := range m.All() {
		if member.ID == r.cfg.ID {
			continue
		}
		k := slices.IndexFunc(before, func(p *tracker.Peer) bool { return p.ID == member.ID })
		if k >= 0 {
			l.peers = append(l.peers, before[k])
			continue
		}
		l.session++
		p := tracker.New(member.ID, l.session, r.log.last().Index+1, r.now)
		p.Due = l.rounds.newest
		l.peers = append(l.peers, p)
	}
}

func (r *Raft) peer(id wire.MemberID) *tracker.Peer {
	for _, p := range r.lead.peers {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// reconnect starts a new session with a peer whose connection is new.
func (r *Raft) reconnect(id wire.MemberID) {
	if p := r.peer(id); p != nil {
		r.lead.session++
		p.Reconnected(r.lead.session)
	}
}

// beat begins a heartbeat: every peer hears of the leader, and answers.
func (r *Raft) beat() {
	r.lead.heartbeat = r.now + r.cfg.Heartbeat
	r.beginRound()
}

// tickLeader does what is due, and steps down if this member cannot lead any more.
func (r *Raft) tickLeader() {
	switch {
	case !r.heardByQuorum():
		// Check-quorum (thesis §6.2): others may have elected a leader that this
		// member cannot hear of, and its callers should go there.
		r.stepDown()
		return
	case r.stalled() && r.othersWrite():
		// Heartbeats alone would keep a leader in place whose own log stands still. If
		// nobody's disk is better, as when this member is alone or all disks are full,
		// it stays, and reads go on.
		r.handOff()
		r.stepDown()
		return
	}
	r.expireTransfer()
	if r.now >= r.lead.heartbeat {
		r.promoteLearners()
		r.replaceAway()
		r.lead.endAtLastHeartbeat = r.log.last().Index
		r.beat()
	}
}

func (r *Raft) leaderDeadline() time.Duration {
	due := r.lead.heartbeat
	if at, ok := r.saves.since(); ok && at+r.cfg.StallTimeout > r.now {
		due = min(due, at+r.cfg.StallTimeout) // later than that, each heartbeat looks again
	}
	if r.lead.transfer.to != 0 {
		due = min(due, r.lead.transfer.until)
	}
	if at, wanted := r.readRoundDue(); wanted {
		due = min(due, at)
	}
	if at, is := r.lateRound(); is {
		due = min(due, at)
	}
	return due
}

// heardByQuorum says whether a majority has answered a round that began within an
// election timeout.
func (r *Raft) heardByQuorum() bool {
	since := r.now - r.cfg.ElectionTimeout
	answered := func(id wire.MemberID) bool { return id == r.cfg.ID || r.peer(id).Contact > since }
	return r.agree(answered) == quorum.Won
}

// othersWrite says whether another voter that is there has more of the log on its disk
// than this leader.
func (r *Raft) othersWrite() bool {
	return slices.ContainsFunc(r.lead.peers, func(p *tracker.Peer) bool {
		return p.Match > r.saves.durable && p.Active(r.now-r.cfg.ElectionTimeout) && r.members.latest().IsVoter(p.ID)
	})
}

// agree counts the voters of which something is true.
func (r *Raft) agree(holds func(wire.MemberID) bool) quorum.Result {
	count := func(voters []wire.MemberID) quorum.Tally {
		t := quorum.Tally{Voters: len(voters)}
		for _, id := range voters {
			if holds(id) {
				t.Granted++
			} else {
				t.Rejected++
			}
		}
		return t
	}
	return quorum.JointResult(count(r.lead.voters), count(r.lead.outgoing))
}

// StepDown makes a leader a follower of nobody, after it has told the most up-to-date
// voter to take over. It does nothing on others.
func (r *Raft) StepDown(now time.Duration) {
	r.pass(now)
	if r.role == Leader {
		r.handOff()
		r.stepDown()
	}
	r.check()
}

func (r *Raft) stepDown() {
	r.follow(r.hard.Term, 0)
	r.postponeElection()
}

// appendOwn appends an entry of the algorithm's own: a membership, or a no-op.
func (r *Raft) appendOwn(m *wire.Membership) {
	const weight = 64 // of a no-op, and of each member, roughly
	end := r.log.last()
	s := wire.Span{Term: r.hard.Term, First: end.Index + 1, Last: end.Index + 1, Bytes: weight, Membership: m}
	if m != nil {
		s.Bytes += weight * (len(m.Members) + len(m.Outgoing))
	}
	r.appendEntries(s, FromCore)
}

// appendEntries puts entries at the end of the log, and has them saved.
func (r *Raft) appendEntries(s wire.Span, origin Origin) {
	r.log.append(s)
	r.saveEntries(s, origin)
	if r.members.add(s) {
		r.membershipChanged()
	}
}

// Propose appends count entries, which weigh so many bytes, and says where the first
// of them is: their bytes belong into the save that Orders brings next. They are
// committed when Orders says so of their indexes while Status still shows the term of
// the position; when the term changes, nothing is known of them.
//
// Errors: ErrNotLeader, ErrTransferring, ErrTooMuchUncommitted; nothing was appended.
func (r *Raft) Propose(now time.Duration, count, bytes int) (first wire.Pos, err error) {
	r.pass(now)
	waiting := 0
	if r.role == Leader {
		waiting = r.log.bytesAfter(r.committed)
	}
	switch {
	case count < 1 || bytes < 0:
		broken("a proposal of %d entries and %d bytes", count, bytes)
	case r.role != Leader:
		return wire.Pos{}, ErrNotLeader
	case r.lead.transfer.to != 0:
		return wire.Pos{}, ErrTransferring
	case waiting > 0 && waiting+bytes > r.cfg.MaxUncommittedBytes:
		return wire.Pos{}, ErrTooMuchUncommitted
	}
	first = wire.Pos{Term: r.hard.Term, Index: r.log.last().Index + 1}
	last := first.Index + wire.Index(count) - 1
	r.appendEntries(wire.Span{Term: first.Term, First: first.Index, Last: last, Bytes: bytes}, FromProposal)
	r.check()
	return first, nil
}
