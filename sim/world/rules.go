package world

import (
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// rules are those of the paper that show a fault before it does harm: a leader that the
// voters did not elect, or that lacks what is committed, a commit that no majority has
// on disk. What harm follows is often a matter of luck, and the judge need not wait for
// it. The rules use their own arithmetic, not that of what they judge.
type rules struct {
	durable map[wire.MemberID]wire.Index // up to where each log was on its disk when it was last seen
	applied map[wire.MemberID]wire.Index // and how far its state was
	excused map[wire.MemberID]bool       // whose disk was made to lose what it had
	claims  map[wire.Index]wire.Term     // commit indexes that leaders of a term moved to
	placed  []placement                  // of entry i+1
	members []membershipAt
}

// placement is what an entry's position says of it.
type placement struct {
	term wire.Term
	time int64
}

// membershipAt is a membership, and the entry that holds it.
type membershipAt struct {
	index   wire.Index
	members wire.Membership
}

func newRules() rules {
	return rules{durable: map[wire.MemberID]wire.Index{}, applied: map[wire.MemberID]wire.Index{}, excused: map[wire.MemberID]bool{}, claims: map[wire.Index]wire.Term{}}
}

// place notes the position of an entry that was applied, and looks at it when it is the
// first time: terms and times never go back, and who committed it was of its term.
func (r *rules) place(who string, index wire.Index, e wire.Entry, b wire.Batch) {
	if int(index) != len(r.placed)+1 {
		return
	}
	p := placement{b.Term(), b.Time()}
	if n := len(r.placed); n > 0 {
		before := r.placed[n-1]
		if p.term < before.term || p.time < before.time {
			broken("%s applies entry %d of term %d and time %d, after one of term %d and time %d", who, index, p.term, p.time, before.term, before.time)
		}
	}
	r.placed = append(r.placed, p)
	if e.Kind == wire.KindMembership {
		span, err := b.Span()
		if err != nil {
			broken("%s applies entry %d, whose membership cannot be read: %v", who, index, err)
		}
		r.members = append(r.members, membershipAt{index, *span.Membership})
	}
	if by, claimed := r.claims[index]; claimed && by != p.term {
		brokenClaim(index, p.term, by)
	}
}

// brokenClaim: only an entry of its own term is committed by a leader's counting (paper
// §5.4.2, figure 8).
func brokenClaim(index wire.Index, of, by wire.Term) {
	broken("the leader of term %d commits up to entry %d, which is of term %d: an entry of an earlier term is committed by one of its own term after it", by, index, of)
}

// newestBefore is the position of the last entry that a leader of a term before is known
// to have committed. An entry of such a term that a later leader has committed is none: who
// was elected before that, and hears of it late, need not have it.
func (r *rules) newestBefore(term wire.Term) (newest wire.Pos) {
	for index, by := range r.claims {
		if by < term && index > newest.Index {
			newest = wire.Pos{Term: by, Index: index}
		}
	}
	return newest
}

// saved notes what a member has on its disk.
func (j *judge) saved(s host.Status) {
	j.rules.durable[s.Core.ID], j.rules.applied[s.Core.ID] = s.Core.Durable, s.Applied.Index
}

// stood looks at how a member stands after a turn.
func (j *judge) stood(who string, before, s *host.Status) {
	c, b := &s.Core, &before.Core
	j.saved(*s)
	reigned := b.Role == raft.Leader && b.Term == c.Term && b.ID == c.ID
	settled := c.MembershipAt <= c.Committed && !c.Membership.Joint() && !c.Membership.Empty()
	switch {
	case c.Role != raft.Follower && settled && !c.Membership.IsVoter(c.ID) && !s.Removed:
		broken("%s is %s in term %d, though it has no vote by a membership that is committed: %s", who, c.Role, c.Term, c.Membership)
	case c.Role == raft.Leader && !reigned:
		j.crowned(who, b, c)
	case c.Role == raft.Leader && c.Committed > b.Committed:
		j.commits(who, b, c)
	}
}

// crowned: a leader has the votes of a majority (paper §5.2), and all that is committed
// from the terms before (§5.4).
func (j *judge) crowned(who string, before, c *raft.Status) {
	votes := func(id wire.MemberID) bool { return id == c.ID || j.votes[ballot{id, c.Term}] == c.ID }
	if !majorities(c.Membership, votes) {
		broken("%s leads in term %d, but no majority of %s has voted for it", who, c.Term, c.Membership)
	}
	if before.ID != c.ID {
		return // the first look at it
	}
	newest, has := j.rules.newestBefore(c.Term), before.Last
	if has.Term < newest.Term || has.Term == newest.Term && has.Index < newest.Index {
		broken("%s leads in term %d with a log that ended at %s, but %s is committed", who, c.Term, has, newest)
	}
}

// commits: what a leader commits is on the disks of a majority, and of its own term. A
// joint membership that is committed is left at once, and what comes next is counted
// without it.
func (j *judge) commits(who string, before, c *raft.Status) {
	r := &j.rules
	if left := before.Membership.Joint() && !c.Membership.Joint(); left {
		j.onDisks(who, before.MembershipAt, before.Membership)
		j.onDisks(who, c.Committed, c.Membership)
	} else {
		j.onDisks(who, c.Committed, before.Membership)
	}
	r.claims[c.Committed] = c.Term
	if n := int(c.Committed); n <= len(r.placed) && r.placed[n-1].term != c.Term {
		brokenClaim(c.Committed, r.placed[n-1].term, c.Term)
	}
}

func (j *judge) onDisks(who string, index wire.Index, m wire.Membership) {
	r := &j.rules
	if !majorities(m, func(id wire.MemberID) bool { return r.excused[id] || r.durable[id] >= index }) {
		broken("%s commits entry %d, which no majority of %s has on disk: %v", who, index, m, r.durable)
	}
}

// majorities says whether most voters are so: of both configurations of a joint one.
func majorities(m wire.Membership, are func(wire.MemberID) bool) bool {
	most := func(ids []wire.MemberID) bool {
		n := 0
		for _, id := range ids {
			if are(id) {
				n++
			}
		}
		return 2*n > len(ids)
	}
	return most(m.Voters()) && (!m.Joint() || most(m.OutgoingVoters()))
}

// cameBack: what was on a disk is there after any crash, unless a snapshot has come in its
// place that the log contradicts.
func (j *judge) cameBack(who string, s *host.Status) {
	id := s.Core.ID
	arrived := s.Snapshot.Index > j.rules.applied[id]
	if had := j.rules.durable[id]; id != 0 && s.Core.Durable < had && !arrived && !j.rules.excused[id] {
		broken("%s comes back with a log up to entry %d, but had entry %d on its disk", who, s.Core.Durable, had)
	}
}

// tookSnapshot: a snapshot says of its position what the log said.
func (j *judge) tookSnapshot(who string, at wire.Pos, time int64, members wire.Membership) {
	r := &j.rules
	if n := int(at.Index); n <= len(r.placed) {
		if p := r.placed[n-1]; p.term != at.Term || p.time != time {
			broken("%s has a snapshot at %s of time %d, but entry %d is of term %d and time %d", who, at, time, n, p.term, p.time)
		}
	}
	var want wire.Membership
	for _, m := range r.members {
		if m.index <= at.Index {
			want = m.members
		}
	}
	if !members.Equal(want) {
		broken("%s has a snapshot at %s with the membership %s, but there it was %s", who, at, members, want)
	}
}
