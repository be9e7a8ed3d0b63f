package raft_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

func TestReadsThatWaitTogetherShareARound(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.cores[0]
	const reads = 100
	for id := range uint64(reads) {
		leader.Read(c.now, id, false)
	}
	o := leader.Orders()
	if len(o.Send) != 1 {
		t.Fatalf("%d reads send %d messages, want one to a member that makes a majority with the leader", reads, len(o.Send))
	}
	var answered []raft.ReadAnswer
	for _, m := range o.Send {
		c.cores[m.To-1].Step(c.now, raft.Received{Message: m})
		for _, reply := range c.cores[m.To-1].Orders().Send {
			leader.Step(c.now, raft.Received{Message: reply})
		}
		answered = append(answered, leader.Orders().Reads...)
	}
	if len(answered) != reads {
		t.Errorf("%d of %d reads are answered by the one round", len(answered), reads)
	}
	for k, a := range answered {
		if a.ID != uint64(k) || a.Failed || a.Index != leader.Status().Committed {
			t.Errorf("read %d is answered with %+v", k, a)
		}
	}
}

func TestProposalsThatComeTogetherShareSaveAndMessage(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.cores[0]
	for range 10 {
		if _, err := leader.Propose(c.now, 3, 30); err != nil {
			t.Fatal(err)
		}
	}
	o := leader.Orders()
	if len(o.Saves) != 1 || len(o.Send) != 2 {
		t.Errorf("ten proposals make %d saves and %d messages, want 1 and 2", len(o.Saves), len(o.Send))
	}
}

// A save's hard state is made durable before its entries, or not at all. Entries that
// were appended before a new term therefore go into a save of their own.
func TestANewTermIsSavedBehindWhatCameBefore(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.cores[0]
	first, err := leader.Propose(c.now, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	leader.Step(c.now, raft.Received{Message: wire.Message{Kind: wire.AppendReply, From: 2, To: 1, Term: 9, Reject: true}})
	saves := leader.Orders().Saves
	if len(saves) != 2 {
		t.Fatalf("an entry and a new term make %d saves, want 2", len(saves))
	}
	if e := saves[0].Entries; len(e) != 1 || e[0].First != first.Index || saves[0].HardState != nil {
		t.Errorf("the first save is %+v, want the entry alone", saves[0])
	}
	if h := saves[1].HardState; h == nil || h.Term != 9 || len(saves[1].Entries) > 0 {
		t.Errorf("the second save is %+v, want term 9 alone", saves[1])
	}
	if saves[1].Seq != saves[0].Seq+1 {
		t.Errorf("saves are numbered %d and %d", saves[0].Seq, saves[1].Seq)
	}
}

func TestOrdersAreTakenOnce(t *testing.T) {
	c := newCluster(t, 3)
	if _, err := c.cores[0].Propose(c.now, 1, 1); err != nil {
		t.Fatal(err)
	}
	c.cores[0].Orders()
	if o := c.cores[0].Orders(); len(o.Saves)+len(o.Send)+len(o.Reads) > 0 || o.Committed != 0 || o.Changed {
		t.Errorf("orders are given a second time: %+v", o)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	c := newCluster(t, 3)
	leader := c.cores[0]
	due := leader.Deadline()
	leader.Step(due-50*time.Millisecond, raft.Tick{})
	leader.Step(0, raft.Tick{}) // another clock than the last: taken to be the same moment
	if leader.Deadline() != due {
		t.Errorf("the deadline moved from %v to %v though no later moment was named", due, leader.Deadline())
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	members, err := wire.NewMembership(wire.Member{ID: 1, Role: wire.Voter})
	if err != nil {
		t.Fatal(err)
	}
	first := wire.Span{Term: 1, First: 1, Last: 1, Membership: &members}
	for _, c := range []struct {
		sentence string
		state    raft.State
	}{
		{"a log with a gap", raft.State{HardState: wire.HardState{Term: 3}, Spans: []wire.Span{first, {Term: 1, First: 3, Last: 4}}}},
		{"terms that fall along the log", raft.State{HardState: wire.HardState{Term: 3}, Spans: []wire.Span{first, {Term: 3, First: 2, Last: 2}, {Term: 2, First: 3, Last: 3}}}},
		{"a span that ends before it begins", raft.State{HardState: wire.HardState{Term: 3}, Spans: []wire.Span{first, {Term: 1, First: 2, Last: 1}}}},
		{"a log beyond the saved term", raft.State{HardState: wire.HardState{Term: 2}, Spans: []wire.Span{first, {Term: 3, First: 2, Last: 2}}}},
		{"more committed than there is", raft.State{HardState: wire.HardState{Term: 3}, Spans: []wire.Span{first}, Committed: 2}},
		{"a snapshot without a membership", raft.State{HardState: wire.HardState{Term: 3}, Start: wire.Pos{Term: 2, Index: 7}, Committed: 7}},
		{"a membership without a voter", raft.State{HardState: wire.HardState{Term: 3}, Spans: []wire.Span{{Term: 1, First: 1, Last: 1, Membership: &wire.Membership{}}}}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if _, err := raft.New(0, raft.Config{ID: 1, Random: func() uint64 { return 0 }}, c.state); err == nil {
				t.Error("the member starts")
			}
		})
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	chance := func() uint64 { return 0 }
	for _, c := range []struct {
		says string
		cfg  raft.Config
	}{
		{"identity", raft.Config{Random: chance}},
		{"chance", raft.Config{ID: 1}},
		{"heartbeats", raft.Config{ID: 1, Random: chance, Heartbeat: time.Second, ElectionTimeout: time.Second}},
		{"drift", raft.Config{ID: 1, Random: chance, ClockDrift: 1000}},
		{"stall", raft.Config{ID: 1, Random: chance, StallTimeout: -1}},
		{"bound", raft.Config{ID: 1, Random: chance, MaxInflight: -1}},
	} {
		if _, err := raft.New(0, c.cfg, raft.State{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an error about %s", c.cfg, err, c.says)
		}
	}
}

// A caller that reports what cannot be is stopped: its log is not what it believes.
func TestImpossibleReportsStopTheMember(t *testing.T) {
	for _, c := range []struct {
		sentence string
		event    raft.Event
	}{
		{"more is applied than committed", raft.Applied{Index: 100}},
		{"more is saved than was asked for", raft.Saved{Seq: 100}},
		{"more is compacted than applied", raft.Compacted{Pos: wire.Pos{Term: 2, Index: 100}}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the member goes on")
				}
			}()
			newCluster(t, 3).cores[1].Step(time.Second, c.event)
		})
	}
}

// Some member lost what it had acknowledged, or made it up: going on would spread that.
func TestAnAppendAgainstCommittedEntriesStopsTheMember(t *testing.T) {
	c := newCluster(t, 3)
	c.propose(t, 3)
	follower := c.cores[1]
	defer func() {
		reason, _ := recover().(string)
		if !strings.Contains(reason, "conflicts with committed entry") {
			t.Errorf("the member stops with %q", reason)
		}
	}()
	follower.Step(c.now, raft.Received{Message: wire.Message{
		Kind: wire.Append, From: 3, To: 2, Term: 9, Pos: wire.Pos{Term: 2, Index: 2},
		Spans: []wire.Span{{Term: 9, First: 3, Last: 3}},
	}})
}

func TestErrorsSayWhoMayBeAsked(t *testing.T) {
	c := newCluster(t, 3)
	if _, err := c.cores[1].Propose(c.now, 1, 1); !errors.Is(err, raft.ErrNotLeader) {
		t.Errorf("a follower's error is %v", err)
	}
	if err := c.cores[0].Transfer(c.now, 9); !errors.Is(err, raft.ErrUnknownMember) {
		t.Errorf("a handover to a stranger: %v", err)
	}
	if err := c.cores[0].ChangeMembers(c.now, nil); !errors.Is(err, raft.ErrNoVoter) {
		t.Errorf("a membership of nobody: %v", err)
	}
	if err := c.cores[0].Transfer(c.now, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := c.cores[0].Propose(c.now, 1, 1); !errors.Is(err, raft.ErrTransferring) {
		t.Errorf("a proposal in a handover: %v", err)
	}
}
