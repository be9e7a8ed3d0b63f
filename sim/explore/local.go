package main

import (
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// judgeStep judges what a member alone can break.
func (m *member) judgeStep(next *member, o raft.Orders) {
	b, s := m.status, next.status
	if s.Term < b.Term || s.Committed < b.Committed {
		broken("member went back from %s to %s", m, next)
	}
	next.inLine()
	m.votesKept(next)
	if b.Role == raft.Leader && s.Role == raft.Leader && b.Term == s.Term {
		m.appendOnly(next)
	}
	for _, message := range o.Send {
		next.says(message)
	}
	for _, message := range o.Send {
		next.sends(message)
	}
}

// judgeRestart: the core believes what the disk holds.
func (m *member) judgeRestart(next *member) {
	if next.status.Term != m.disk.hard.Term || next.status.Last != lastOf(m.disk.log) {
		broken("member starts as %s from %s", next, m)
	}
	next.inLine()
}

// inLine: applied ≤ committed ≤ last, durable is no more than the disk has, and the core
// and its storage agree on where the log ends.
func (m *member) inLine() {
	s := m.status
	switch {
	case s.Applied > s.Committed || s.Committed > s.Last.Index || s.Durable > s.Last.Index:
		broken("the indexes are out of line: %s", m)
	case s.Last != lastOf(m.log):
		broken("the core's log ends at %s: %s", s.Last, m)
	case s.Term != m.hard.Term:
		broken("the core is in term %d and has saved term %d: %s", s.Term, m.hard.Term, m)
	}
	for i := wire.Index(1); i <= s.Durable; i++ {
		if !keeps(m.disk.log, wire.Pos{Term: m.log[i-1].term, Index: i}) {
			broken("%d is taken for durable, and the disk does not have it: %s", i, m)
		}
	}
}

// votesKept: the disk's term never falls, and the vote of a term, once given, stays
// (paper §5.2). A vote is told only from the disk, so that this holds across crashes.
func (m *member) votesKept(next *member) {
	b, a := m.disk.hard, next.disk.hard
	if a.Term < b.Term || a.Term == b.Term && b.Vote != 0 && a.Vote != b.Vote {
		broken("the disk goes from %+v to %+v: %s", b, a, next)
	}
}

// appendOnly: a leader never overwrites or deletes entries of its log (paper §5.3).
func (m *member) appendOnly(next *member) {
	if len(next.log) < len(m.log) {
		broken("leader %s drops entries and is %s", m, next)
	}
	for k := range m.log {
		if !m.log[k].equal(next.log[k]) {
			broken("leader %s overwrites entry %d and is %s", m, k+1, next)
		}
	}
}

// says: what a member tells of itself is on its disk.
func (m *member) says(message wire.Message) {
	switch {
	case message.Kind == wire.Vote && !m.disk.votedFor(m.id, message.Term):
		broken("%s asks for votes before its own is on the disk: %s", message, m)
	case message.Kind == wire.VoteReply && !message.Reject && !m.disk.votedFor(message.To, message.Term):
		broken("%s tells of a vote that is not on the disk: %s", message, m)
	case message.Kind == wire.AppendReply && !message.Reject:
		for i := wire.Index(1); i <= message.Index; i++ {
			if int(i) > len(m.log) || !keeps(m.disk.log, wire.Pos{Term: m.log[i-1].term, Index: i}) {
				broken("%s acknowledges %d, which is not on the disk: %s", message, i, m)
			}
		}
	case message.Kind == wire.Append && message.Commit > m.status.Committed:
		broken("%s tells of more as committed than is known: %s", message, m)
	}
}

// sends: the entries of a message are those of the log.
func (m *member) sends(message wire.Message) {
	if message.Kind != wire.Append {
		return
	}
	if p := message.Pos; p.Index > 0 && !keeps(m.log, p) {
		broken("%s follows an entry that the log does not hold: %s", message, m)
	}
	for _, s := range message.Spans {
		for i := s.First; i <= s.Last; i++ {
			if !keeps(m.log, wire.Pos{Term: s.Term, Index: i}) {
				broken("%s promises entry %d/%d, which the log does not hold: %s", message, s.Term, i, m)
			}
		}
	}
}
