package main

import (
	"iter"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// inputs are all that may happen next in a state, within the bounds.
func (e *explorer) inputs(s *state) iter.Seq[input] {
	return func(yield func(input) bool) {
		for k := range e.bounds.Members {
			m := e.members.things[s.members[k]]
			for _, in := range e.inputsOf(k, m, s) {
				if !yield(in) {
					return
				}
			}
		}
	}
}

func (e *explorer) inputsOf(k int, m *member, s *state) (all []input) {
	b, mem := e.bounds, &s.memory
	add := func(possible bool, what kind, arg int32) {
		if possible {
			all = append(all, input{what, uint8(k), arg})
		}
	}
	leads := m.status.Role == raft.Leader
	add(len(m.pending) > 0, saved, 0)
	add(int(mem.crashes) < b.Crashes, crash, 0)
	if b.Unsaved > 0 && len(m.pending) >= b.Unsaved {
		return all // nothing else until the disk is less behind
	}
	for _, n := range s.mail {
		message := &e.messages.things[n]
		add(message.To == m.id && e.matters(message, m), deliver, n)
	}
	add(!leads && int(m.status.Term) < b.Terms && b.PreVotes, timeout, 0)
	add(!leads && int(m.status.Term) < b.Terms && !b.PreVotes, campaign, 0)
	add(leads && m.beats < b.Beats, beat, 0)
	add(leads && !alone(m), abdicate, 0)
	add(leads && len(m.log) < b.Entries && m.status.Transferee == 0, propose, 0)
	// A follower's question may arrive any number of times, and each needs a round.
	add(leads && int(mem.reads) < b.Reads, read, 0)
	for o := range b.Members {
		other := int32(o + 1)
		add(leads && o != k && int(mem.reconnects) < b.Reconnects, reconnect, other)
		add(leads && o != k && int(mem.transfers) < b.Transfers && m.status.Transferee == 0 && m.status.Membership.IsVoter(wire.MemberID(other)), transfer, other)
		add(leads && int(mem.removals) < b.Removals && m.status.Transferee == 0 && mayGo(m, wire.MemberID(other)), remove, other)
	}
	return all
}

// alone says whether a member is all of every majority: as a leader it never steps down.
func alone(m *member) bool {
	at := m.status.Membership
	return !at.Joint() && len(at.Voters()) == 1 && at.IsVoter(m.id)
}

// mayGo says whether a member may be removed: it is there, and somebody else is.
func mayGo(m *member, id wire.MemberID) bool {
	at := m.status.Membership
	_, there := at.Find(id)
	return there && !at.Joint() && len(at.Members) > 1
}

// matters says whether a message could do anything to a member as it is, and within the
// bounds.
func (e *explorer) matters(message *wire.Message, m *member) bool {
	switch message.Kind {
	case wire.PreVote:
		return m.status.Role != raft.Leader
	case wire.Vote:
		return m.status.Role != raft.Leader || message.Force
	case wire.TimeoutNow:
		return int(m.status.Term) < e.bounds.Terms
	}
	return true
}

// count notes an input whose number is bounded.
func (m *memory) count(in input, known uint8) {
	switch in.kind {
	case crash:
		m.crashes++
	case reconnect:
		m.reconnects++
	case transfer:
		m.transfers++
	case remove:
		m.removals++
	case read:
		m.reads++
		m.reader, m.floor = in.to+1, known
	}
}

// reigns is how many terms have had a leader.
func (m *memory) reigns() (n int) {
	for _, leader := range m.leaders {
		if leader != 0 {
			n++
		}
	}
	return n
}
