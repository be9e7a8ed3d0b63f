package world

import (
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// breaks says what a judge finds broken, "" if nothing.
func breaks(do func()) (what string) {
	defer func() {
		if v, ok := recover().(violation); ok {
			what = string(v)
		}
	}()
	do()
	return ""
}

// three is a membership of the voters 1, 2 and 3.
func three(t *testing.T) wire.Membership {
	t.Helper()
	var list []wire.Member
	for id := range wire.MemberID(3) {
		list = append(list, wire.Member{ID: id + 1, Name: string(rune('a' + id)), Role: wire.Voter})
	}
	m, err := wire.NewMembership(list...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func standing(m wire.Membership, role raft.Role, term wire.Term, last wire.Pos, committed wire.Index) *host.Status {
	return &host.Status{
		Applied: wire.Pos{Term: 1, Index: min(committed, 1)},
		Core:    raft.Status{ID: 1, Role: role, Term: term, Last: last, Durable: last.Index, Committed: committed, Membership: m},
	}
}

// entry is a no-op of a term and a time.
func entry(at wire.Pos, time int64) (wire.Entry, wire.Batch) {
	return wire.Entry{Kind: wire.KindNoop}, wire.NewBatch(at, time, 1, wire.AppendEntry(wire.NewBody(8), wire.KindNoop, nil))
}

func TestTheRulesOfThePaperAreHeldAgainstWhatMembersSay(t *testing.T) {
	m := three(t)
	for _, c := range []struct {
		name string
		do   func(j *judge)
		want string
	}{
		{"a leader that a majority has voted for", func(j *judge) {
			j.votes[ballot{2, 5}] = 1
			j.stood("a", standing(m, raft.Candidate, 5, wire.Pos{Term: 4, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 10}, 1))
		}, ""},
		{"a leader with its own vote alone", func(j *judge) {
			j.votes[ballot{2, 4}] = 1 // that was another term
			j.stood("a", standing(m, raft.Candidate, 5, wire.Pos{Term: 4, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 10}, 1))
		}, "no majority"},
		{"a leader with a longer log, and without what is committed", func(j *judge) {
			j.votes[ballot{2, 5}] = 1
			j.rules.claims = map[wire.Index]wire.Term{1: 1, 2: 4}
			j.stood("a", standing(m, raft.Candidate, 5, wire.Pos{Term: 3, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 10}, 1))
		}, "4/2 is committed"},
		{"a leader that hears late that it was elected, without what a later one has committed", func(j *judge) {
			j.votes[ballot{2, 5}] = 1
			j.rules.placed, j.rules.claims = []placement{{1, 0}, {4, 0}, {6, 0}}, map[wire.Index]wire.Term{1: 1, 3: 6}
			j.stood("a", standing(m, raft.Candidate, 5, wire.Pos{Term: 3, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 10}, 1))
		}, ""},
		{"a commit that a majority has on disk", func(j *judge) {
			j.rules.durable[2] = 9
			j.stood("a", standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 9))
		}, ""},
		{"a commit that the leader alone has on disk", func(j *judge) {
			j.rules.durable[2] = 8
			j.stood("a", standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 9))
		}, "no majority"},
		{"a commit in a joint membership that the new voters alone have", func(j *judge) {
			joint := wire.Membership{Members: m.Members[:1], Outgoing: m.Members}
			j.stood("a", standing(joint, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 1), standing(joint, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 9))
		}, "no majority"},
		{"a commit of an earlier term's entry by counting", func(j *judge) {
			j.rules.durable[2], j.rules.placed = 9, []placement{{4, 0}, {4, 0}}
			j.stood("a", standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 1), standing(m, raft.Leader, 5, wire.Pos{Term: 5, Index: 9}, 2))
		}, "earlier term"},
		{"a learner that campaigns", func(j *judge) {
			j.stood("a", standing(m, raft.Follower, 5, wire.Pos{}, 1), standing(wire.Membership{Members: m.Members[1:]}, raft.PreCandidate, 5, wire.Pos{}, 1))
		}, "no vote by a membership"},
		{"a time that goes back", func(j *judge) {
			for i, at := range []int64{7, 6} {
				e, b := entry(wire.Pos{Term: 1, Index: wire.Index(i + 1)}, at)
				j.rules.place("a", wire.Index(i+1), e, b)
			}
		}, "time 6, after one of term 1 and time 7"},
		{"a log that is shorter after a crash", func(j *judge) {
			j.rules.durable[1] = 9
			j.cameBack("a", standing(m, raft.Follower, 5, wire.Pos{Term: 5, Index: 8}, 1))
		}, "had entry 9"},
		{"a snapshot with the membership of a later entry", func(j *judge) {
			j.rules.members = []membershipAt{{1, m}, {5, wire.Membership{Members: m.Members[:1]}}}
			j.tookSnapshot("a", wire.Pos{Term: 1, Index: 4}, 0, wire.Membership{Members: m.Members[:1]})
		}, "there it was"},
		{"a command that runs in a session that has expired", func(j *judge) {
			j.ledger.open(session.Opening{Session: 7, TTL: time.Second}, 0)
			j.decided("a", 1, session.Envelope{Session: 7, Seq: 1, Low: 1}, int64(2*time.Second), session.Fresh)
		}, "decides"},
		{"a command that runs twice", func(j *judge) {
			e := session.Envelope{Session: 7, Seq: 1, Low: 1}
			j.ledger.open(session.Opening{Session: 7, TTL: time.Second}, 0)
			j.decided("a", 1, e, 0, session.Fresh)
			j.ledger.ran(e)
			j.decided("a", 1, e, 0, session.Fresh)
		}, "decides"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := newJudge(new(time.Duration))
			got := breaks(func() { c.do(j) })
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("the judge says %q, want %q", got, c.want)
			}
		})
	}
}
