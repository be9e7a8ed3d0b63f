package host_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// lose makes a filter that loses what a rule names.
func lose(rule func(letter) bool) func(letter) []letter {
	return func(l letter) []letter {
		if rule(l) {
			return nil
		}
		return []letter{l}
	}
}

// Scenario retry-twice: whichever message of a proposal's way is lost, once or often,
// it is applied once and answered.
func TestALostMessageMakesNoCommandRunTwice(t *testing.T) {
	for _, kind := range []wire.MessageKind{wire.Forward, wire.ForwardReply, wire.Append, wire.AppendReply} {
		for _, times := range []int{1, 5} {
			w := newWorld(t)
			all := w.cluster(nil, "a", "b", "c")
			m := others(all, w.leader())[0]
			m.must("x")
			lost := 0
			w.meddle = lose(func(l letter) bool {
				if l.Kind != kind || lost == times || kind == wire.Append && len(l.Batches) == 0 {
					return false
				}
				lost++
				return true
			})
			m.must("y")
			w.run(20 * time.Second)
			// Once the command is applied nobody asks again: there may be less to lose.
			if got := strings.Join(w.agree(), ","); got != "x,y" || lost == 0 {
				t.Errorf("%d times %s was lost: applied was %s, want x,y", lost, kind, got)
			}
		}
	}
}

// inject hands a message to a member as if a peer had sent it, and collects the
// answers of a kind to that peer.
func (w *world) inject(from, to *member, answer wire.MessageKind, messages ...wire.Message) (answers []wire.Message) {
	w.Helper()
	w.meddle = func(l letter) []letter {
		if l.Kind == answer && l.from == to {
			answers = append(answers, l.Message)
			return nil
		}
		return []letter{l}
	}
	for _, m := range messages {
		m.From, m.To = from.card.ID, to.card.ID
		to.inbox = append(to.inbox, wire.Arrival{Kind: wire.ArrivedMessage, Card: from.card, Message: m})
	}
	w.run(50 * time.Millisecond)
	w.meddle = nil
	return answers
}

func forward(id uint64, count int, body []byte) wire.Message {
	return wire.Message{Kind: wire.Forward, ID: id, Index: wire.Index(count), Data: body[wire.BatchHeaderSize:]}
}

func command(id session.ID, seq uint64, text string) []byte {
	return wire.AppendEntry(wire.NewBody(64), wire.KindCommand, append(session.Envelope{Session: id, Seq: seq, Low: seq}.Append(nil), text...))
}

func TestForwardsThatCannotBeTakenAreRefusedWithTheReason(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	rest := others(all, leader)
	leader.must("x")
	membership, err := wire.NewMembership(wire.Member{ID: 1, Name: "z", Role: wire.Voter})
	if err != nil {
		t.Fatal(err)
	}
	good := command(5, 1, "y")
	for _, tc := range []struct {
		name    string
		to      *member
		message wire.Message
		says    string
	}{
		{"to who does not lead", rest[1], forward(1, 1, good), "not the leader"},
		{"fewer entries than announced", leader, forward(2, 2, good), "malformed"},
		{"none announced", leader, forward(3, 0, good), "malformed"},
		{"more than anybody could count", leader, forward(4, -1, good), "malformed"},
		{"cut off", leader, forward(5, 1, good[:len(good)-1]), "malformed"},
		{"a membership", leader, forward(6, 1, wire.AppendEntry(wire.NewBody(64), wire.KindMembership, membership.Append(nil))), "malformed"},
		{"a command without an envelope", leader, forward(8, 1, wire.AppendEntry(wire.NewBody(64), wire.KindCommand, []byte("y"))), "malformed"},
		{"an opening of no session", leader, forward(9, 1, wire.AppendEntry(wire.NewBody(64), wire.KindSession, []byte{1})), "malformed"},
		{"a kind that nobody proposes", leader, forward(7, 1, wire.AppendEntry(wire.NewBody(64), 99, nil)), "malformed"},
	} {
		got := w.inject(rest[0], tc.to, wire.ForwardReply, tc.message)
		if len(got) != 1 || !got[0].Reject || string(got[0].Data) != tc.says || got[0].ID != tc.message.ID {
			t.Errorf("%s: the answer is %v %q, want a refusal that says %q", tc.name, got, got[0].Data, tc.says)
		}
	}
	if got := strings.Join(w.agree(), ","); got != "x" {
		t.Errorf("applied was %s, want x alone", got)
	}
}

func TestALeaderTakesNoMoreForwardsThanItCanHold(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	from := others(all, leader)[0]
	leader.must("x")
	held := true
	leader.hold = func(task *host.Task) bool { return held && task.Lane == host.LogLane }
	leader.propose("busy") // the log is being written from here on
	w.step()
	var many []wire.Message
	for i := range 300 {
		many = append(many, forward(uint64(i), 1, wire.AppendEntry(wire.NewBody(8), wire.KindNoop, nil)))
	}
	refused := 0
	for _, m := range w.inject(from, leader, wire.ForwardReply, many...) {
		if m.Reject && string(m.Data) == "overloaded" {
			refused++
		}
	}
	if refused == 0 || refused > 50 {
		t.Errorf("%d of 300 were refused as too many, want those above 256", refused)
	}
	held = false
	from.must("y")
	if got := strings.Join(w.agree(), ","); got != "x,busy,y" {
		t.Errorf("applied was %s", got)
	}
}

// Scenario waiter-by-index: who waits for an entry that another leader's replaces at its
// index is not given the other one's answer.
func TestAWaiterIsNotAnsweredWithAnotherTermsEntry(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	old := w.leader()
	rest := others(all, old)
	for _, m := range all {
		m.must(m.name)
	}
	apart := true
	w.meddle = lose(func(l letter) bool { return apart && (l.from == old || l.to.ID == old.card.ID) })
	lost := old.propose("old")
	w.run(100 * time.Millisecond)
	leader := w.leader2(rest)
	leader.must("new1")
	leader.must("new2")
	if old.machine.answered(lost) {
		t.Fatalf("without a majority the answer was %s", old.machine.answers[lost])
	}
	apart = false
	w.until("it is answered", func() bool { return old.machine.answered(lost) })
	got := w.agree()
	if place := old.machine.answers[lost]; place != fmt.Sprint(slices.Index(got, "old")+1) {
		t.Errorf("the answer is %s, and applied was %v", place, got)
	}
}

func TestAWithdrawnCommandThatNeverLeftIsSurelyNotApplied(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	m.must("x")
	apart := true
	w.meddle = lose(func(l letter) bool { return apart && (l.from == m || l.to.ID == m.card.ID) })
	sent := m.propose("sent")
	w.run(500 * time.Millisecond)
	w.until("it knows of no leader", func() bool { return m.host.Status().Core.Leader == 0 })
	kept := m.propose("kept")
	w.step()
	reason := errors.New("no patience")
	m.host.Withdraw(sent, reason)
	m.host.Withdraw(kept, reason)
	w.step()
	for seq, sure := range map[uint64]bool{sent: false, kept: true} {
		r, ok := m.refused[seq]
		if !ok || r.Sure != sure || !errors.Is(r.Err, reason) || !errors.Is(r.Err, host.ErrNoLeader) {
			t.Errorf("command %d: %+v, want sure %v, for want of a leader", seq, r, sure)
		}
		m.machine.giveUp(seq)
	}
	apart = false
	m.must("y")
	if slices.Contains(w.agree(), "kept") {
		t.Error("what was surely not sent was applied")
	}
}

// Scenario clock-backwards: whoever leads, and whatever its calendar says, the log's
// time does not go back; not after a snapshot either, behind which the log is empty.
func TestTheTimeOfEntriesNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.SessionTTL = 1000 * time.Hour }, "a", "b", "c")
	w.leader().must("x")
	for i, skew := range []time.Duration{time.Hour, -time.Hour, -24 * time.Hour, 0} {
		late := others(all, w.leader())[0]
		late.crash()
		for _, m := range others(all, late) {
			m.skew = skew
		}
		late.skew = skew - 2*time.Hour
		leader := w.leader2(others(all, late))
		leader.must(fmt.Sprint(i))
		leader.host.TakeSnapshot(func(error) {})
		w.until("the log is compacted", func() bool { return leader.host.Status().LogStart == leader.host.Status().Applied })
		w.meddle = lose(func(l letter) bool { return l.Kind == wire.Forward }) // its session comes after the snapshot otherwise
		late.run()
		w.leader()
		w.agree()
		if s := late.host.Status(); s.LogStart != s.Applied {
			t.Fatalf("round %d: the log after %s is not empty at %s:\n%s", i, s.LogStart, s.Applied, w)
		}
		if err := leader.control(host.Command{Op: host.Transfer, Member: wire.Member{ID: late.card.ID}}); err != nil {
			t.Fatal(err)
		}
		w.meddle = nil
		w.leader()
		late.must(fmt.Sprint("late", i))
		w.agree()
		for _, m := range all {
			if !slices.IsSorted(m.machine.Times) {
				t.Fatalf("round %d, on %s time goes back: %v", i, m.name, m.machine.Times)
			}
		}
	}
}

// Scenario mixed-versions: an entry that only a newer program understands halts who does
// not understand it, before it and for good, and says so; upgraded, it goes on.
func TestAnEntryOfANewerVersionHaltsApply(t *testing.T) {
	const newer wire.EntryKind = 99
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	leader.must("x")
	old := others(all, leader)[1]
	for _, m := range others(all, old) {
		m.machine.knows = newer
	}
	seq := leader.machine.expect()
	leader.host.Propose(host.Chunk{Body: wire.AppendEntry(wire.NewBody(64), newer, []byte("what")), Count: 1, First: seq})
	leader.machine.giveUp(seq)
	leader.must("y")
	w.until("the old one has stopped", func() bool { return old.host.Err() != nil })
	if err := old.host.Err().Error(); !strings.Contains(err, "kind(99) was written by a newer version") || !strings.Contains(err, "entry ") {
		t.Errorf("it says %s", err)
	}
	if !errors.Is(old.host.WhyNoLeader(), old.host.Err()) {
		t.Errorf("its callers are told %v", old.host.WhyNoLeader())
	}
	before := slices.Clone(old.machine.Log)
	leader.must("z")
	if !slices.Equal(before, []string{"x"}) || !slices.Equal(old.machine.Log, before) {
		t.Errorf("it has applied %v, and before it halted %v, want x alone", old.machine.Log, before)
	}
	old.crash()
	old.run()
	old.machine.knows = newer
	old.read()
	if got := strings.Join(w.agree(), ","); got != "x,new: what,y,z" {
		t.Errorf("upgraded it has applied %s", got)
	}
}

// Scenario own-incarnation: what a member's earlier process sent, and was sent, arrives
// in its next life.
func TestMessagesOfAnEarlierLifeChangeNothing(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	var old []letter
	w.meddle = func(l letter) []letter {
		if l.from == m || l.to.ID == m.card.ID {
			old = append(old, l)
		}
		return []letter{l}
	}
	for i := range 20 {
		m.must(fmt.Sprint(i))
	}
	w.meddle = nil
	m.crash()
	leader.must("away")
	m.run()
	w.mail = append(w.mail, old...)
	m.must("back")
	w.mail = append(w.mail, old...)
	if leads := w.leader(); leads != leader {
		t.Errorf("%s leads, it was %s", leads.name, leader.name)
	}
	m.must("again")
	w.run(5 * time.Second)
	if got := w.agree(); len(got) != 23 {
		t.Errorf("%d commands were applied, want 23: %v", len(got), got)
	}
	for _, m := range all {
		if m.host.Err() != nil {
			t.Errorf("%s has stopped: %v", m.name, m.host.Err())
		}
	}
}

// Scenario session-expiry: a member that proposes nothing for longer than its session
// lives opens another one.
func TestAnExpiredSessionIsOpenedAgain(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.SessionTTL = 10 * time.Second }, "a", "b", "c")
	for range 3 {
		for _, m := range all {
			m.must(m.name)
		}
		w.run(time.Minute)
	}
	for _, m := range all {
		for seq, answer := range m.machine.answers {
			if answer == "expired" {
				t.Errorf("command %d of %s came to nothing", seq, m.name)
			}
		}
	}
	if got := len(w.agree()); got != 9 {
		t.Errorf("%d commands were applied, want 9", got)
	}
}

func TestControlsThatNobodyUnderstandsAreRefused(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	for name, c := range map[string]host.Command{
		`unknown operation "fly"`: {Op: "fly"},
		"no voter":                {Op: host.SetMembers, Members: []wire.Member{{ID: 5, Name: "l", Role: wire.Learner}}},
		"both named":              {Op: host.AddMember, Member: wire.Member{ID: 5, Name: "a", Role: wire.Learner}},
		"there is no member":      {Op: host.Transfer, Member: wire.Member{ID: 5}},
	} {
		if err := m.control(c); !errors.Is(err, host.ErrRefused) || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want a refusal with %q", c, err, name)
		}
	}
	got := w.inject(m, w.leader(), wire.ControlReply, wire.Message{Kind: wire.Control, ID: 7, Data: []byte("{")})
	if len(got) != 1 || !got[0].Reject || !strings.Contains(string(got[0].Data), "not understood") {
		t.Errorf("half a command: %v", got)
	}
	w.leader().must("x")
}

func TestControlsTakeEffectOnceThoughTheyAreRepeated(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	m := others(all, w.leader())[0]
	lost := map[wire.MessageKind]int{}
	w.meddle = lose(func(l letter) bool {
		if l.Kind != wire.Control && l.Kind != wire.ControlReply || lost[l.Kind] == 2 {
			return false
		}
		lost[l.Kind]++
		return true
	})
	learner := wire.Member{ID: 77, Name: "l", Addr: "l", Role: wire.Learner}
	if err := m.control(host.Command{Op: host.AddMember, Member: learner}); err != nil {
		t.Fatal(err)
	}
	if got, in := m.w.leader().host.Status().Membership.Find(77); !in || got != learner {
		t.Errorf("the member is %v, want %v", got, learner)
	}
	if err := m.control(host.Command{Op: host.AddMember, Member: learner}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := m.control(host.Command{Op: host.RemoveMember, Member: wire.Member{ID: 77}}); err != nil {
		t.Fatal(err)
	}
	if err := m.control(host.Command{Op: host.RemoveMember, Member: wire.Member{ID: 77}}); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if got := len(w.leader().host.Status().Membership.Members); got != 3 {
		t.Errorf("there are %d members, want 3", got)
	}
}

// Changes that are asked for at once are made one after the other.
func TestChangesOfMembersTakeTurns(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	for i, m := range all {
		m.host.Control(uint64(i), host.Command{Op: host.AddMember, Member: wire.Member{ID: wire.MemberID(70 + i), Name: fmt.Sprint("l", i), Role: wire.Learner}})
	}
	w.until("all are done", func() bool { return all[0].done[0] && all[1].done[1] && all[2].done[2] })
	if got := w.leader().host.Status().Membership; len(got.Members) != 6 || all[0].controls[0] != nil || all[1].controls[1] != nil || all[2].controls[2] != nil {
		t.Errorf("the members are %s; %v %v %v", got, all[0].controls[0], all[1].controls[1], all[2].controls[2])
	}
}

func TestLeadershipIsHandedOver(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	before := w.leader()
	asks := others(all, before)[0]
	if err := asks.control(host.Command{Op: host.Transfer}); err != nil || w.leader() == before {
		t.Errorf("%v, and %s leads still", err, w.leader().name)
	}
	if err := asks.control(host.Command{Op: host.Transfer, Member: wire.Member{ID: before.card.ID}}); err != nil || w.leader() != before {
		t.Errorf("back to %s: %v, %s leads", before.name, err, w.leader().name)
	}
}

// A command is JSON between members: what it holds must come back.
func TestACommandSurvivesTheWay(t *testing.T) {
	c := host.Command{Op: host.SetMembers, From: 1<<64 - 1, Member: wire.Member{ID: 1 << 63, Name: "n\x00é", Addr: "a", Role: wire.Learner}, Members: []wire.Member{{ID: 1}, {ID: 2, Role: wire.Voter}}}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back host.Command
	if err := json.Unmarshal(data, &back); err != nil || back.Member != c.Member || back.From != c.From || !slices.Equal(back.Members, c.Members) || back.Op != c.Op {
		t.Errorf("%+v becomes %+v, %v", c, back, err)
	}
}

// A follower's proposals are best gathered while the leader has not taken those before: it
// takes them with its next write, and each message costs it the same. If it is far, they
// wait no longer than a millisecond.
func TestProposalsGatherWhileOthersAreHandedOver(t *testing.T) {
	w := newWorld(t)
	m := others(w.cluster(nil, "a", "b", "c"), w.leader())[0]
	m.must("x")
	if !m.host.TakesProposals() {
		t.Error("nothing is under way, and proposals are to wait")
	}
	began := w.now
	m.propose("y")
	m.turn()
	if m.host.TakesProposals() {
		t.Error("proposals are to go one by one")
	}
	if m.due > began+time.Millisecond {
		t.Errorf("it is to be turned again after %s", m.due-began)
	}
	w.run(time.Millisecond)
	m.turn()
	if !m.host.TakesProposals() {
		t.Error("proposals are to wait though the leader is slow to answer")
	}
	w.until("both are applied", func() bool { return len(m.machine.Log) == 2 })
	if !m.host.TakesProposals() {
		t.Error("all were taken, and proposals are to wait")
	}
}
