package raft_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// FuzzStep gives a member whatever a network can bring: messages of members and of
// strangers, out of order, of any term, with entries that do not fit together. Nothing
// of it may stop the member but the one thing that is documented: an append that
// contradicts what is committed, which only a member that lost or invented entries can
// send.
func FuzzStep(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x05\x02\x00\x01\x01\x02\x01\x01\x01\x02\x02\x01\x01"))
	for kind := byte(1); kind < 12; kind++ {
		f.Add([]byte{kind, 2, 2, 1, 3, 1, 2, 0, 1, 2, 3, 4, kind, 3, 1, 0, 2, 2, 2, 9, 9, 9})
	}
	f.Add(winning)
	f.Add(append(slices.Clone(winning), 6, 0, 2, 3, 0, 0, 0, 7, 1, 1, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := &stranger{data: data}
		defer func() {
			if p := recover(); p != nil && !strings.Contains(fmt.Sprint(p), "conflicts with committed entry") {
				panic(p)
			}
		}()
		m.start(t)
		for len(m.data) > 0 {
			m.next()
		}
	})
}

// winning is a campaign that is won: a tick, the answers of 2, and the saves between.
var winning = []byte{
	15, 30,
	2, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0,
	14,
	4, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0,
	14,
}

func TestFuzzingReachesALeader(t *testing.T) {
	m := &stranger{data: winning}
	m.start(t)
	for len(m.data) > 0 {
		m.next()
	}
	if s := m.core.Status(); s.Role != raft.Leader {
		t.Errorf("the seed that should lead to a leader leads to %s", s)
	}
}

// stranger turns bytes into inputs.
type stranger struct {
	data []byte
	now  time.Duration
	core *raft.Raft
	seq  uint64
}

func (s *stranger) start(t *testing.T) {
	members, err := wire.NewMembership(
		wire.Member{ID: 1, Role: wire.Voter}, wire.Member{ID: 2, Role: wire.Voter},
		wire.Member{ID: 3, Role: wire.Voter}, wire.Member{ID: 4, Role: wire.Learner})
	if err != nil {
		t.Fatal(err)
	}
	s.core, err = raft.New(0, raft.Config{ID: 1, Random: func() uint64 { return 0 }, MaxInflight: 2, MaxVoters: 4}, raft.State{
		HardState: wire.HardState{Term: 2}, Start: wire.Pos{Term: 1, Index: 2}, Membership: members,
		Spans:     []wire.Span{{Term: 1, First: 3, Last: 4, Bytes: 20}, {Term: 2, First: 5, Last: 6, Bytes: 20}},
		Committed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.now = 2 * time.Second
}

func (s *stranger) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

// draw is a number: mostly small, sometimes next to a bound.
func (s *stranger) draw() uint64 {
	switch b := s.byte(); {
	case b < 240:
		return uint64(b % 16)
	case b < 250:
		return uint64(b)
	default:
		return 1<<62 + uint64(b)
	}
}

// next gives the core one input and carries out what it orders.
func (s *stranger) next() {
	switch kind := s.byte() % 20; kind {
	case 12, 13, 14:
		s.step(raft.Saved{Seq: s.seq})
	case 15:
		s.now += time.Duration(s.byte()) * 50 * time.Millisecond
		s.step(raft.Tick{})
	case 16:
		s.step(raft.Applied{Index: s.core.Status().Committed})
	case 17:
		s.step(raft.LinkDown{ID: wire.MemberID(s.byte() % 5), Gone: s.byte()%2 == 0})
	case 18:
		s.step(raft.LinkUp{ID: wire.MemberID(s.byte() % 5)})
	case 19:
		s.request()
	default:
		s.step(raft.Received{Message: s.message(wire.MessageKind(kind))})
	}
}

func (s *stranger) step(e raft.Event) {
	s.core.Step(s.now, e)
	s.orders()
}

func (s *stranger) orders() {
	for _, save := range s.core.Orders().Saves {
		s.seq = save.Seq
	}
}

// request is something that this member's own caller asks for.
func (s *stranger) request() {
	defer s.orders()
	switch s.byte() % 6 {
	case 0:
		_, _ = s.core.Propose(s.now, 1+int(s.byte()), int(s.byte()))
	case 1:
		s.core.Read(s.now, s.draw(), s.byte()%2 == 0)
	case 2:
		_ = s.core.Transfer(s.now, wire.MemberID(s.byte()%5))
	case 3:
		s.core.Campaign(s.now)
	case 4:
		s.core.StepDown(s.now)
	case 5:
		var members []wire.Member
		for id := range s.byte() % 6 {
			members = append(members, wire.Member{ID: wire.MemberID(id), Role: wire.Role(s.byte() % 4)})
		}
		_ = s.core.ChangeMembers(s.now, members)
	}
}

// message is one with all fields set to something, whatever its kind needs.
func (s *stranger) message(kind wire.MessageKind) wire.Message {
	flags := s.byte()
	m := wire.Message{
		Kind: kind, From: wire.MemberID(s.byte() % 6), To: 1,
		Reject: flags&1 != 0, Force: flags&2 != 0, Lease: flags&4 != 0,
		Term: wire.Term(s.draw()), Pos: wire.Pos{Term: wire.Term(s.draw()), Index: wire.Index(s.draw())},
		Commit: wire.Index(s.draw()), Index: wire.Index(s.draw()),
		Session: s.draw(), Round: s.draw(), ID: s.draw(),
	}
	first := m.Pos.Index + 1
	for range flags >> 5 {
		span := wire.Span{Term: wire.Term(s.draw()), First: first, Last: first + wire.Index(s.byte()%4), Bytes: int(s.byte())}
		if b := s.byte(); b > 200 {
			// Entries that do not follow each other.
			span.First, span.Last, span.Bytes = wire.Index(s.draw()), wire.Index(s.draw()), -int(b)
		} else if b > 180 {
			span.Last, span.Membership = span.First, s.membership()
		}
		m.Spans = append(m.Spans, span)
		first = span.Last + 1
	}
	return m
}

func (s *stranger) membership() *wire.Membership {
	var m wire.Membership
	for id := range s.byte() % 5 {
		m.Members = append(m.Members, wire.Member{ID: wire.MemberID(id + 1), Role: wire.Role(1 + s.byte()%2)})
	}
	if s.byte()%4 == 0 {
		m.Outgoing = []wire.Member{{ID: 1, Role: wire.Voter}, {ID: 3, Role: wire.Voter}}
	}
	return &m
}
