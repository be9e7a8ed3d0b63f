package raft

import (
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Never is the Deadline of a member that has nothing to wait for.
const Never = time.Duration(1<<63 - 1)

// Raft is one member's part in the algorithm. Every method has one owner: a Raft is
// not safe for concurrent use. Each takes the moment at which it is called, measured
// from an arbitrary one that stays the same; a moment before the last is taken to be
// the last.
//
// Its indexes stand in one line: start ≤ applied ≤ committed ≤ last, durable ≤ last.
type Raft struct {
	cfg Config
	now time.Duration

	role   Role
	hard   wire.HardState
	leader wire.MemberID // of the term, 0 if unknown

	log       entryLog
	members   history
	voter     bool // in the latest membership
	committed wire.Index
	applied   wire.Index

	saves     saves
	following following   // what the term's leader told
	election  election    // when to campaign, and how the campaign stands
	asked     []uint64    // reads that wait for the leader's answer, oldest first
	lead      *leadership // nil unless this member leads

	out   Orders
	spans []wire.Span // the memory of the spans in out.Send
}

// New is a member as it starts from what it found on its disk, which is checked. A
// member that has always voted alone campaigns at once; any other soon, as if it knew that
// the leader is dead: if it is not, nobody grants a pre-vote, and if all have started, nobody
// needs to wait. Only who has promised its vote to a lease in an earlier life counts the
// start as a sign of life of that leader.
func New(now time.Duration, cfg Config, st State) (*Raft, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := st.check(); err != nil {
		return nil, err
	}
	r := &Raft{cfg: cfg, now: max(now, 0), hard: st.HardState, applied: st.Start.Index}
	r.log.reset(st.Start)
	r.members = history{{st.Start.Index, st.Membership}}
	for _, s := range st.Spans {
		r.log.append(s)
		r.members.add(s)
	}
	r.saves.durable = r.log.last().Index
	r.committed = st.Start.Index
	r.voter = r.members.latest().IsVoter(cfg.ID)
	if st.HardState.Promised {
		r.following.promise = promise{r.now + cfg.ElectionTimeout, max(r.hard.Term, st.Start.Term)}
	}
	r.raiseTo(st.Start.Term) // a snapshot may be all that is known of its term
	r.commitTo(max(st.Committed, st.Start.Index))
	r.hurry(0)
	if r.votesAlone() && !r.members.list(r.othersVote) {
		r.following.promise = promise{}
		r.preCampaign()
	}
	r.check()
	return r, nil
}

// Step takes in an event. A message that contradicts an entry that is committed here
// panics: some member lost what it had acknowledged, and going on would spread that.
func (r *Raft) Step(now time.Duration, e Event) {
	r.pass(now)
	switch e := e.(type) {
	case Tick:
		r.tick()
	case Received:
		r.receive(e.Message)
	case Saved:
		r.onSaved(e.Seq)
	case Applied:
		r.onApplied(e.Index)
	case LinkUp:
		r.onLinkUp(e.ID)
	case LinkDown:
		r.onLinkDown(e)
	case SnapshotSent:
		r.onSnapshotSent(e)
	case SnapshotInstalled:
		r.onSnapshotInstalled(e)
	case Compacted:
		r.onCompacted(e.Pos)
	}
	r.check()
}

// receive picks the handler of a message. The order of the first three matters: what
// is ignored must not change the term, and what is old is not looked at further.
func (r *Raft) receive(m wire.Message) {
	if m.From == 0 || m.From == r.cfg.ID || r.protectsLeader(m) {
		return
	}
	if m.Term > r.hard.Term && !supposes(m) {
		r.follow(m.Term, 0)
	}
	if m.Term < r.hard.Term && m.Kind != wire.PreVote {
		r.answerOutdated(m)
		return
	}
	switch m.Kind {
	case wire.PreVote:
		r.onPreVote(m)
	case wire.PreVoteReply:
		r.onPreVoteReply(m)
	case wire.Vote:
		r.onVote(m)
	case wire.VoteReply:
		r.onVoteReply(m)
	case wire.Append:
		r.onAppend(m)
	case wire.AppendReply:
		r.onAppendReply(m)
	case wire.TimeoutNow:
		r.onTimeoutNow(m)
	case wire.ReadIndex:
		r.onReadIndex(m)
	case wire.ReadIndexReply:
		r.onReadIndexReply(m)
	}
}

// supposes says whether the message's term is one that its sender asks about and is
// not in.
func supposes(m wire.Message) bool {
	return m.Kind == wire.PreVote || m.Kind == wire.PreVoteReply && !m.Reject
}

// answerOutdated tells the sender of a request from an earlier term that this term is
// over. Without it, a member whose term ran ahead would be stuck: it could neither
// follow the leader nor depose it.
func (r *Raft) answerOutdated(m wire.Message) {
	switch m.Kind {
	case wire.Append:
		r.send(wire.Message{Kind: wire.AppendReply, To: m.From, Session: m.Session, Index: m.Pos.Index, Reject: true})
	case wire.Vote:
		r.send(wire.Message{Kind: wire.VoteReply, To: m.From, Reject: true})
	case wire.ReadIndex:
		r.send(wire.Message{Kind: wire.ReadIndexReply, To: m.From, ID: m.ID, Reject: true})
	}
}

// Orders takes the work that has come up since it was last called. Messages are made
// only now, so that whatever came up together shares them. The slices are the
// caller's.
func (r *Raft) Orders() Orders {
	if r.role == Leader {
		r.supplyPeers()
	}
	o := r.out
	r.out, r.spans = Orders{}, nil
	r.saves.taken()
	return o
}

// Deadline is when Tick is due if nothing happens before: a leader's next heartbeat,
// anybody else's election timeout, Never if there is nothing to wait for.
func (r *Raft) Deadline() time.Duration {
	switch {
	case r.role == Leader:
		return r.leaderDeadline()
	case r.mayLead() || r.leader != 0:
		return r.election.deadline
	}
	return Never
}

func (r *Raft) tick() {
	switch {
	case r.role == Leader:
		r.tickLeader()
	case r.now >= r.election.deadline:
		r.onElectionTimeout()
	}
}

func (r *Raft) pass(now time.Duration) { r.now = max(r.now, now) }

func (r *Raft) onApplied(i wire.Index) {
	if i > r.committed {
		broken("applied %d beyond committed %d", i, r.committed)
	}
	r.applied = max(r.applied, i)
}

// onLinkUp reacts to a new connection: a leader starts a new session, a candidate
// repeats its question.
func (r *Raft) onLinkUp(id wire.MemberID) {
	if id == r.election.dead {
		r.election.dead = 0
	}
	switch r.role {
	case Leader:
		r.reconnect(id)
	case PreCandidate, Candidate:
		r.askAgain(id)
	}
}

func (r *Raft) onLinkDown(e LinkDown) {
	switch {
	case r.role == Follower && e.Gone:
		r.forgetLeader(e.ID)
	case e.ID == r.leader:
		r.failAsked()
	}
}

func (r *Raft) send(m wire.Message) {
	m.From = r.cfg.ID
	if m.Term == 0 {
		m.Term = r.hard.Term
	}
	r.out.Send = append(r.out.Send, m)
}

// draw is a random duration in [0, d).
func (r *Raft) draw(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.cfg.Random() % uint64(d))
}
