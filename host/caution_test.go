package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// refusedBecause checks that an operation is refused, with a reason, and changes nothing.
func (m *member) refusedBecause(c host.Command, reason string) {
	m.w.T.Helper()
	before := m.host.Status().Membership
	err := m.control(c)
	if !errors.Is(err, host.ErrRefused) || !strings.Contains(err.Error(), reason) {
		m.w.T.Errorf("%s %s: %v, want a refusal because %q", c.Op, c.Member, err, reason)
	}
	if now := m.host.Status().Membership; !now.Equal(before) {
		m.w.T.Errorf("%s %s has changed the members from %s to %s", c.Op, c.Member, before, now)
	}
}

func (m *member) id() wire.Member { return wire.Member{ID: m.card.ID} }

func withRole(m *member, r wire.Role) wire.Member { return wire.Member{ID: m.card.ID, Role: r} }

// Of three voters one is away: to remove another would leave two, of whom both are needed.
func TestWhatWouldLoseTheQuorumIsRefused(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	rest := others(all, leader)
	here, away := rest[0], rest[1]
	away.crash()
	w.run(5 * time.Second) // until the leader knows
	remove := host.Command{Op: host.RemoveMember, Member: here.id()}
	leader.refusedBecause(remove, "no majority could be reached, and nothing could be written: "+away.name+" does not answer")
	here.refusedBecause(host.Command{Op: host.SetRole, Member: withRole(here, wire.Learner)}, away.name+" does not answer")
	here.refusedBecause(host.Command{Op: host.AddMember, Member: wire.Member{ID: 70, Name: "new", Role: wire.Voter}}, "new")
	leader.must("x")

	// The one that is away may go, and then there is a majority again.
	if err := here.control(host.Command{Op: host.RemoveMember, Member: away.id()}); err != nil {
		t.Errorf("remove the one that is away: %v", err)
	}
	if err := here.control(remove); err != nil {
		t.Errorf("remove one of the two that are left: %v", err)
	}
	if got := leader.host.Status().Membership; len(got.Members) != 1 {
		t.Errorf("the members are %s", got)
	}
	leader.refusedBecause(host.Command{Op: host.RemoveMember, Member: leader.id()}, "it is the only voter")
}

// A voter that answers and lacks what is committed is no copy of it.
func TestTheLastCopyOfWhatIsCommittedStays(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	late := others(all, leader)[0]
	w.meddle = lose(func(l letter) bool { return l.Kind == wire.Append && l.To == late.card.ID && len(l.Batches) > 0 })
	leader.must("x")
	alone := host.Command{Op: host.SetMembers, Members: []wire.Member{{ID: late.card.ID, Name: late.name, Addr: late.card.Addr, Role: wire.Voter}}}
	leader.refusedBecause(alone, "none of the voters "+late.name+" has all that is committed yet")
	w.meddle = nil
	w.agree()
	if err := leader.control(alone); err != nil {
		t.Errorf("once it has caught up: %v", err)
	}
}

func TestWhoKnowsBetterForcesAChange(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	rest := others(all, leader)
	rest[1].crash()
	leader.host.Control(1, host.Command{Op: host.RemoveMember, Member: rest[0].id(), Force: true})
	w.until("it is under way", func() bool {
		_, in := leader.host.Status().Membership.Find(rest[0].card.ID)
		return !in || leader.host.Status().Membership.Joint()
	})
	rest[1].run()
	w.until("it is done", func() bool { return leader.done[1] || rest[1].host.Leading() })
}

func TestALearnerIsPromotedOnceItHasCaughtUp(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	leader := w.leader()
	late := others(all, leader)[0]
	if err := leader.control(host.Command{Op: host.SetRole, Member: withRole(late, wire.Learner)}); err != nil {
		t.Fatal(err)
	}
	// What it is sent does not arrive, and it answers all the same.
	w.meddle = lose(func(l letter) bool { return l.Kind == wire.Append && l.To == late.card.ID && len(l.Batches) > 0 })
	for i := range 5 {
		leader.must(fmt.Sprint(i))
	}
	leader.host.Control(7, host.Command{Op: host.SetRole, Member: withRole(late, wire.Voter)})
	w.run(5 * time.Second)
	if leader.done[7] || leader.host.Status().Membership.IsVoter(late.card.ID) {
		t.Errorf("it votes without having caught up: %v", leader.controls[7])
	}
	w.meddle = nil
	w.until("it votes", func() bool { return leader.done[7] && leader.host.Status().Membership.IsVoter(late.card.ID) })
	if err := leader.control(host.Command{Op: host.SetRole, Member: withRole(late, wire.Voter)}); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

func TestARoleIsForMembersThatAreThere(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	leader := w.leader()
	gone := others(all, leader)[0]
	// Two people at the same time: the one removes whom the other promotes.
	leader.host.Control(1, host.Command{Op: host.RemoveMember, Member: gone.id()})
	w.until("it is under way", func() bool { return leader.host.Status().Membership.Joint() })
	leader.refusedBecauseLater(2, host.Command{Op: host.SetRole, Member: withRole(gone, wire.Voter)}, "somebody may have removed it")
	w.until("it is gone", func() bool { return leader.done[1] })
	if _, in := leader.host.Status().Membership.Find(gone.card.ID); in {
		t.Error("who was removed is there again")
	}
}

// refusedBecauseLater is refusedBecause beside another operation.
func (m *member) refusedBecauseLater(token uint64, c host.Command, reason string) {
	m.w.T.Helper()
	m.host.Control(token, c)
	m.w.until("it is answered", func() bool { return m.done[token] })
	if err := m.controls[token]; !errors.Is(err, host.ErrRefused) || !strings.Contains(err.Error(), reason) {
		m.w.T.Errorf("%s: %v, want a refusal because %q", c.Op, err, reason)
	}
}

func TestLeadershipGoesToNobodyWhoCannotLead(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	leader := w.leader()
	rest := others(all, leader)
	rest[0].crash()
	w.run(5 * time.Second)
	leader.refusedBecause(host.Command{Op: host.Transfer, Member: rest[0].id()}, "does not answer")
	rest[0].run()
	w.until("it is back", func() bool { return rest[0].host.Status().Core.Leader == leader.card.ID })
	if err := leader.control(host.Command{Op: host.SetRole, Member: withRole(rest[1], wire.Learner)}); err != nil {
		t.Fatal(err)
	}
	leader.refusedBecause(host.Command{Op: host.Transfer, Member: rest[1].id()}, "is a learner; promote it first")
	leader.refusedBecause(host.Command{Op: host.Transfer, Member: wire.Member{ID: 5}}, "there is no member")
	if !leader.host.Leading() {
		t.Error("it leads no more")
	}
}

// A leader of a moment ago has not heard of everybody yet.
func TestWhoIsToLeadMayTakeAMomentToAnswer(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	leader := w.leader()
	next := others(all, leader)[0]
	next.crash()
	w.run(5 * time.Second)
	next.run() // and the leader does not know yet
	if err := leader.control(host.Command{Op: host.Transfer, Member: next.id()}); err != nil {
		t.Fatal(err)
	}
	w.until("it leads", func() bool { return next.host.Leading() })
}

func TestLeadershipGoesToSomebodyWhoAnswersIfAnybodyMay(t *testing.T) {
	for i := range 2 { // whoever of the two is looked at first
		w := newWorld(t)
		all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
		leader := w.leader()
		rest := others(all, leader)
		leader.must("x")
		w.run(time.Second) // until both have it
		rest[i].crash()
		w.run(5 * time.Second)
		if err := leader.control(host.Command{Op: host.Transfer, From: leader.card.ID}); err != nil {
			t.Fatalf("while %s is away: %v", rest[i].name, err)
		}
		w.until("the other one leads", func() bool { return rest[1-i].host.Leading() })
	}
}

// Windows are closed without warning: one that is given a vote just then would be waited for.
func TestWhoLeftAMomentAgoGetsNoVote(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Raft.MaxVoters = 0 }, "a", "b", "c")
	leader := w.leader()
	gone := others(all, leader)[0]
	if err := leader.control(host.Command{Op: host.SetRole, Member: withRole(gone, wire.Learner)}); err != nil {
		t.Fatal(err)
	}
	voter := gone.id()
	voter.Name, voter.Addr, voter.Role = gone.name, gone.card.Addr, wire.Voter
	gone.crash()
	leader.refusedBecause(host.Command{Op: host.AddMember, Member: voter}, "who is to vote from now on does not answer")
	gone.run()
	w.run(time.Second)
	if err := leader.control(host.Command{Op: host.AddMember, Member: voter}); err != nil {
		t.Errorf("now that it is back: %v", err)
	}
}
