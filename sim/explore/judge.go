package main

import (
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/raft/quorum"
	"github.com/balsaraft/balsa/wire"
)

// judge looks at a cluster after a member went from one state to another, and knows what
// no member does.
type judge struct {
	members []*member // as they are now
	memory  *memory
}

// after judges what the member at a place has just done.
func (j judge) after(k int, before, now *member) {
	j.leads(before, now)
	j.logsMatch(k)
	j.commits(before, now)
	j.stayDurable()
}

// leads: at most one leader a term (paper §5.2), and it has all that was committed in
// earlier terms (§5.4).
func (j judge) leads(before, now *member) {
	s := now.status
	if s.Role != raft.Leader {
		return
	}
	if other := j.memory.leaders[s.Term]; other != 0 && wire.MemberID(other) != now.id {
		broken("both %d and %s lead in term %d", other, now.id, s.Term)
	}
	j.memory.leaders[s.Term] = uint8(now.id)
	if before.status.Role == raft.Leader && before.status.Term == s.Term {
		return
	}
	for k, c := range j.memory.committed[:j.memory.known] {
		if p := c.at(wire.Index(k + 1)); wire.Term(c.by) < s.Term && !keeps(now.log, p) {
			broken("the leader of term %d lacks %s, which was committed in term %d: %s", s.Term, p, c.by, now)
		}
	}
}

// logsMatch: if two logs have an entry of the same term at an index, they are the same up
// to there (paper §5.3), on disks as well.
func (j judge) logsMatch(k int) {
	for _, a := range [][]entry{j.members[k].log, j.members[k].disk.log} {
		for _, o := range j.members {
			compare(a, o.log, j.members[k], o)
			compare(a, o.disk.log, j.members[k], o)
		}
	}
}

func compare(a, b []entry, of, and *member) {
	differ := false
	for i := range min(len(a), len(b)) {
		switch same := a[i].equal(b[i]); {
		case same && differ:
			broken("two logs have the same entry %d after different ones: %s and %s", i+1, of, and)
		case a[i].term == b[i].term && !same:
			broken("two logs have different entries %d/%d: %s and %s", a[i].term, i+1, of, and)
		case !same:
			differ = true
		}
	}
}

// commits: an index holds one committed entry, on all members and for ever, and whoever
// first knows it to be committed is right that a quorum has it on disk.
func (j judge) commits(before, now *member) {
	for i := before.status.Committed + 1; i <= now.status.Committed; i++ {
		p := wire.Pos{Term: now.log[i-1].term, Index: i}
		if int(i) <= int(j.memory.known) {
			if known := j.memory.committed[i-1].at(i); known != p {
				broken("%s was committed, and now %s is: %s", known, p, now)
			}
			continue
		}
		if !j.onQuorum(p, now.status.Membership) {
			broken("%s is taken for committed, and no quorum of %s has it on disk: %s", p, now.status.Membership, now)
		}
		j.memory.committed[i-1] = commitment{uint8(p.Term), uint8(now.status.Term)}
		j.memory.known++
	}
}

// stayDurable: what is committed stays on a quorum's disks, as long as the members do.
func (j judge) stayDurable() {
	if j.memory.removals > 0 {
		return // each entry has a quorum of its own time then
	}
	for k, c := range j.memory.committed[:j.memory.known] {
		p := c.at(wire.Index(k + 1))
		if !j.onQuorum(p, *j.members[0].log[0].membership) {
			broken("%s was committed, and no quorum has it on disk any more", p)
		}
	}
}

// onQuorum says whether a majority, of both configurations while they are joint, has an
// entry on disk.
func (j judge) onQuorum(p wire.Pos, m wire.Membership) bool {
	count := func(voters []wire.MemberID) quorum.Tally {
		t := quorum.Tally{Voters: len(voters)}
		for _, id := range voters {
			if keeps(j.members[id-1].disk.log, p) {
				t.Granted++
			}
		}
		return t
	}
	return quorum.JointResult(count(m.Voters()), count(m.OutgoingVoters())) == quorum.Won
}

// answered: a read sees all that was committed when it was asked.
func (j judge) answered(now *member, answers []raft.ReadAnswer) {
	for _, a := range answers {
		if !a.Failed && a.Index < wire.Index(j.memory.floor) {
			broken("a read is answered with index %d, and %d was committed when it was asked: %s", a.Index, j.memory.floor, now)
		}
	}
}
