package raft_test

import (
	"fmt"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/raft/quorum"
	"github.com/balsaraft/balsa/wire"
)

// judge looks at a world from outside after every step, and knows what no member does:
// all that was ever committed, said and stored.
type judge struct {
	leaders   map[wire.Term]wire.MemberID
	identity  map[wire.Pos]identity
	committed []commitment // of entry i+1
	votes     map[ballot]wire.MemberID
	reads     map[uint64]wire.Index // what was committed when the read was asked
	lives     map[wire.MemberID]life
}

// identity is what an entry is: its content and the entry before it. If all members
// agree on that, their logs match (paper §5.3).
type identity struct {
	text   string
	before wire.Pos
}

// commitment is a committed entry and the term in which it was committed.
type commitment struct {
	pos wire.Pos
	by  wire.Term
}

type ballot struct {
	voter wire.MemberID
	term  wire.Term
}

// life is how far a member had come when it was last looked at.
type life struct {
	status raft.Status
	hard   wire.HardState // on its disk
	seen   wire.Pos       // end of the part of the log that was compared
}

// violation is a broken promise. It ends the test.
type violation string

func broken(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }

func newJudge() judge {
	return judge{
		leaders: map[wire.Term]wire.MemberID{}, identity: map[wire.Pos]identity{},
		votes: map[ballot]wire.MemberID{}, reads: map[uint64]wire.Index{}, lives: map[wire.MemberID]life{},
	}
}

// founded notes the entry that all founders write before they start.
func (j *judge) founded(first entry) {
	j.committed = append(j.committed, commitment{wire.Pos{Term: 1, Index: 1}, 1})
	j.identity[wire.Pos{Term: 1, Index: 1}] = identity{text: first.text}
}

// started forgets what a crash may take: a member does not remember what it had
// committed and applied, but its term and vote are on its disk.
func (j *judge) started(m *member) {
	delete(j.lives, m.id)
	s := m.core.Status()
	if s.Term < m.disk.hard.Term || s.Committed < m.disk.committed {
		broken("member %s starts as %s from a disk with term %d and %d committed", m.id, s, m.disk.hard.Term, m.disk.committed)
	}
	for term, voter := range j.votesOf(m.id) {
		if term > m.disk.hard.Term || term == m.disk.hard.Term && voter != m.disk.hard.Vote {
			broken("member %s has told of its vote for %s in term %d, and its disk does not know", m.id, voter, term)
		}
	}
}

// wiped forgets what a member cannot know any more, because somebody emptied its disk.
func (j *judge) wiped(id wire.MemberID) {
	for b := range j.votes {
		if b.voter == id {
			delete(j.votes, b)
		}
	}
}

// votesOf is the vote that a member gave last.
func (j *judge) votesOf(id wire.MemberID) map[wire.Term]wire.MemberID {
	last := wire.Term(0)
	for b := range j.votes {
		if b.voter == id {
			last = max(last, b.term)
		}
	}
	if last == 0 {
		return nil
	}
	return map[wire.Term]wire.MemberID{last: j.votes[ballot{id, last}]}
}

// after judges a member that has just done something.
func (j *judge) after(w *world, m *member) {
	s := m.core.Status()
	before, known := j.lives[m.id]
	if known {
		j.neverBack(before, s, m)
	}
	if s.Role == raft.Leader {
		j.leads(m, s, !known || before.status.Role != raft.Leader || before.status.Term != s.Term)
	}
	j.inLine(m, s)
	seen := j.compareLog(m, before.seen)
	j.commits(w, m, s)
	j.lives[m.id] = life{s, m.disk.hard, seen}
}

// neverBack: term, commit and applied index, and a term's vote, only grow.
func (j *judge) neverBack(before life, s raft.Status, m *member) {
	b, hard := before.status, m.disk.hard
	switch {
	case s.Term < b.Term || s.Committed < b.Committed || s.Applied < b.Applied:
		broken("member %s went back from %s to %s", m.id, b, s)
	case hard.Term < before.hard.Term:
		broken("the disk of %s went back from term %d to %d", m.id, before.hard.Term, hard.Term)
	case hard.Term == before.hard.Term && before.hard.Vote != 0 && hard.Vote != before.hard.Vote:
		broken("member %s changed its vote in term %d from %s to %s", m.id, hard.Term, before.hard.Vote, hard.Vote)
	}
}

// leads: one leader a term, and it has all that was committed in earlier terms.
func (j *judge) leads(m *member, s raft.Status, isNew bool) {
	if other, ok := j.leaders[s.Term]; ok && other != m.id {
		broken("both %s and %s lead in term %d", other, m.id, s.Term)
	}
	j.leaders[s.Term] = m.id
	if !isNew {
		return
	}
	for _, c := range j.committed {
		if c.by < s.Term && !m.log.keeps(c.pos) {
			broken("leader %s of term %d lacks %s, which was committed in term %d", m.id, s.Term, c.pos, c.by)
		}
	}
}

// inLine: start ≤ applied ≤ committed ≤ last, and what the core believes of the log is
// what the log holds.
func (j *judge) inLine(m *member, s raft.Status) {
	switch {
	case s.Applied > s.Committed || s.Committed > s.Last.Index || s.Durable > s.Last.Index:
		broken("the indexes of %s are out of line: %+v", m.id, s)
	case s.Last != m.log.last():
		broken("the log of %s ends at %s, its core says %s", m.id, m.log.last(), s.Last)
	case s.Durable > m.disk.log.last().Index:
		broken("%s takes %d for durable, but its disk ends at %s", m.id, s.Durable, m.disk.log.last())
	case !s.Membership.Equal(m.log.membersAt(s.Last.Index)):
		broken("%s uses the membership %s, but its log says %s", m.id, s.Membership, m.log.membersAt(s.Last.Index))
	}
	if term, ok := m.core.TermAt(s.Last.Index); !ok || term != s.Last.Term {
		broken("%s says that entry %d has term %d", m.id, s.Last.Index, term)
	}
}

// compareLog: logs match. Only what was added since the last look is compared.
func (j *judge) compareLog(m *member, seen wire.Pos) wire.Pos {
	i := m.log.last().Index
	for ; i > m.log.start.Index; i-- {
		p := m.log.pos(i)
		if p == seen {
			break
		}
		is := identity{m.log.at(i).text, m.log.pos(i - 1)}
		known, ok := j.identity[p]
		if ok && known != is {
			broken("%s holds %q after %s as %s, others %q after %s", m.id, is.text, is.before, p, known.text, known.before)
		}
		j.identity[p] = is
	}
	return m.log.last()
}

// commits: committed entries are the same everywhere, and durable on a quorum when the
// first member knows them to be committed.
func (j *judge) commits(w *world, m *member, s raft.Status) {
	if at := m.log.start; at.Index > 0 && j.committed[at.Index-1].pos != at {
		broken("the log of %s starts after %s, but %s was committed there", m.id, at, j.committed[at.Index-1].pos)
	}
	for i := j.lives[m.id].status.Committed + 1; i <= s.Committed; i++ {
		if i <= m.log.start.Index {
			continue
		}
		p := m.log.pos(i)
		if int(i) <= len(j.committed) {
			if known := j.committed[i-1].pos; known != p {
				broken("%s has committed %s, others %s", m.id, p, known)
			}
			continue
		}
		if int(i) != len(j.committed)+1 {
			broken("%s has committed %s before anyone has committed %d", m.id, p, len(j.committed)+1)
		}
		j.durable(w, m, s, p)
		j.committed = append(j.committed, commitment{p, s.Term})
	}
}

// durable: a majority, of both configurations while they are joint, keeps the entry on
// its disk.
func (j *judge) durable(w *world, m *member, s raft.Status, p wire.Pos) {
	count := func(voters []wire.MemberID) quorum.Tally {
		t := quorum.Tally{Voters: len(voters)}
		for _, id := range voters {
			if v := w.member(id); v != nil && v.disk.log.keeps(p) {
				t.Granted++
			}
		}
		return t
	}
	if quorum.JointResult(count(s.Membership.Voters()), count(s.Membership.OutgoingVoters())) != quorum.Won {
		broken("%s has committed %s, which no quorum of %s has on its disks", m.id, p, s.Membership)
	}
}

// sends: the entries that a message promises are those of the log.
func (j *judge) sends(m *member, message wire.Message) {
	next := message.Pos.Index + 1
	for _, s := range message.Spans {
		if s.First != next || s.First <= m.log.start.Index || s.Last > m.log.last().Index {
			broken("%s sends %s, but its log goes from %s to %s", m.id, s, m.log.start, m.log.last())
		}
		for _, e := range m.log.from(s.First, s.Last) {
			if e.term != s.Term || (e.membership != nil) != (s.Membership != nil) {
				broken("%s sends %s, but its log holds %q of term %d there", m.id, s, e.text, e.term)
			}
		}
		next = s.Last + 1
	}
}

// says: what a member tells others is true of its disk at that moment.
func (j *judge) says(m *member, message wire.Message) {
	disk := m.disk.hard
	switch {
	case message.Kind == wire.Vote:
		j.votesOnce(m, message, m.id)
	case message.Kind == wire.VoteReply && !message.Reject:
		j.votesOnce(m, message, message.To)
	case message.Kind == wire.AppendReply && !message.Reject && message.Index > m.disk.log.last().Index:
		broken("%s acknowledges entry %d, but its disk ends at %s", m.id, message.Index, m.disk.log.last())
	case message.Kind == wire.Append && message.Commit > m.committed:
		broken("%s tells of %d as committed, but knows only of %d", m.id, message.Commit, m.committed)
	}
	if message.Kind == wire.Vote && disk.Term < message.Term {
		broken("%s asks for votes in term %d with term %d on its disk", m.id, message.Term, disk.Term)
	}
}

func (j *judge) votesOnce(m *member, message wire.Message, choice wire.MemberID) {
	if hard := m.disk.hard; hard.Term != message.Term || hard.Vote != choice {
		broken("%s tells of its vote for %s in term %d, but its disk has %+v", m.id, choice, message.Term, hard)
	}
	b := ballot{m.id, message.Term}
	if before, ok := j.votes[b]; ok && before != choice {
		broken("%s votes for %s and for %s in term %d", m.id, before, choice, message.Term)
	}
	j.votes[b] = choice
}

// asked notes what a read must see at least: all that any member knows as committed.
func (j *judge) asked(id uint64) { j.reads[id] = wire.Index(len(j.committed)) }

// answered: a read sees all that was committed when it was asked.
func (j *judge) answered(m *member, a raft.ReadAnswer) {
	least, ok := j.reads[a.ID]
	switch {
	case !ok:
		broken("%s answers the read %d, which nobody waits for", m.id, a.ID)
	case !a.Failed && a.Index < least:
		broken("%s answers the read %d with index %d, but %d was committed when it was asked", m.id, a.ID, a.Index, least)
	}
	delete(j.reads, a.ID)
}
