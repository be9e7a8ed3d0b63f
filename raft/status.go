package raft

import (
	"fmt"
	"time"

	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

// Status is how a member stands.
type Status struct {
	ID         wire.MemberID
	Role       Role
	Term       wire.Term
	Leader     wire.MemberID // 0 if unknown
	Last       wire.Pos
	Durable    wire.Index // entries up to here are on this member's disk
	Committed  wire.Index
	Applied    wire.Index
	Membership wire.Membership
	// MembershipAt is the index of the entry that holds Membership.
	MembershipAt wire.Index
	Transferee   wire.MemberID // whom leadership is being handed to, 0 for nobody
	Peers        []PeerStatus  // as this member sees them while it leads, ordered by ID
}

// PeerStatus is a leader's view of another member.
type PeerStatus struct {
	ID            wire.MemberID
	State         tracker.State
	Match         wire.Index // highest index known to be durable there
	Next          wire.Index // first index not sent yet
	Active        bool       // it has answered within an election timeout
	InflightBytes int
	SinceContact  time.Duration // since the newest round began that it answered
}

// Status looks at the member as of the last input.
func (r *Raft) Status() Status {
	s := Status{
		ID: r.cfg.ID, Role: r.role, Term: r.hard.Term, Leader: r.leader,
		Last: r.log.last(), Durable: r.saves.durable, Committed: r.committed, Applied: r.applied,
		Membership: r.members.latest(), MembershipAt: r.members.latestAt(),
	}
	if r.role != Leader {
		return s
	}
	s.Transferee = r.lead.transfer.to
	for _, p := range r.lead.peers {
		s.Peers = append(s.Peers, PeerStatus{
			ID: p.ID, State: p.State, Match: p.Match, Next: p.Next, Active: p.Active(r.now - r.cfg.ElectionTimeout),
			InflightBytes: p.Window.Bytes(), SinceContact: r.now - p.Contact,
		})
	}
	return s
}

// String prints the member in a line.
func (s Status) String() string {
	return fmt.Sprintf("%s %s term=%d last=%s commit=%d", s.ID, s.Role, s.Term, s.Last, s.Committed)
}

// Durable is the index up to which entries are on this member's disk.
func (r *Raft) Durable() wire.Index { return r.saves.durable }

// Match is the highest index up to which a member's log is known to be durable and equal
// to this leader's. It is 0 on members that do not lead, and for those they do not know.
func (r *Raft) Match(id wire.MemberID) wire.Index {
	if r.role != Leader {
		return 0
	}
	if p := r.peer(id); p != nil {
		return p.Match
	}
	return 0
}

// LedAt is a moment at which this member certainly led, and by which all that was
// acknowledged lies at or before the commit index of now: when the newest round began
// that a majority has answered. It says false on others, and before the leader has
// committed in its term.
func (r *Raft) LedAt() (time.Duration, bool) {
	if r.role != Leader || !r.committedInTerm() {
		return 0, false
	}
	return r.lead.rounds.confirmedAt, true
}

// TermAt is the term of the entry at an index, or of the log's start. It says false
// outside the log.
func (r *Raft) TermAt(i wire.Index) (wire.Term, bool) { return r.log.term(i) }

// Status is how a member stands that starts from this, before it does anything.
func (st State) Status(id wire.MemberID) Status {
	s := Status{
		ID: id, Term: max(st.HardState.Term, st.Start.Term), Last: st.Start, Applied: st.Start.Index,
		Committed: max(st.Committed, st.Start.Index), Membership: st.Membership, MembershipAt: st.Start.Index,
	}
	for _, span := range st.Spans {
		s.Last = wire.Pos{Term: span.Term, Index: span.Last}
		if span.Membership != nil {
			s.Membership, s.MembershipAt = *span.Membership, span.First
		}
	}
	s.Durable = s.Last.Index
	return s
}
