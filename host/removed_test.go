package host_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

func remove(m *member) host.Command {
	return host.Command{Op: host.RemoveMember, Member: wire.Member{ID: m.card.ID}}
}

// rests checks that a removed member says so and gives no promise it cannot keep.
func (w *world) rests(m *member) {
	w.Helper()
	w.until(m.name+" knows that it was removed", func() bool { return m.host.Status().Removed })
	if e, ok := m.saw(host.RemovedFromCluster); !ok || !errors.Is(e.Err, host.ErrRemoved) || !errors.Is(m.host.WhyNoLeader(), host.ErrRemoved) {
		w.Errorf("%s says %v, and why nothing moves: %v", m.name, e.Err, m.host.WhyNoLeader())
	}
	seq := m.propose("nobody hears this")
	w.step()
	if r := m.refused[seq]; !r.Sure || !errors.Is(r.Err, host.ErrRemoved) {
		w.Errorf("a proposal on it is %+v, want surely refused", r)
	}
	m.machine.giveUp(seq)
}

func TestARemovedMemberRests(t *testing.T) {
	for _, who := range []string{"follower", "leader"} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		gone := w.leader()
		if who == "follower" {
			gone = others(all, gone)[0]
		}
		gone.must("x")
		if err := gone.control(remove(gone)); err != nil {
			t.Errorf("%s: its own removal is answered %v", who, err)
		}
		w.rests(gone)
		rest := others(all, gone)
		term := w.leader2(rest).host.Status().Core.Term
		w.run(time.Minute)
		for _, m := range rest {
			m.must("y")
		}
		if now := rest[0].host.Status(); now.Core.Term != term || len(now.Membership.Members) != 2 {
			t.Errorf("%s: term %d became %d, members are %s", who, term, now.Core.Term, now.Membership)
		}
		if slices.Contains(w.agree(), "nobody hears this") {
			t.Errorf("%s: what was surely refused was applied", who)
		}
	}
}

// Scenario removed-disruptor: a member that was removed while it was away, or whose
// process was down, hears of it when it is back, and disturbs nobody.
func TestAMemberThatWasAwayHearsOfItsRemoval(t *testing.T) {
	for _, how := range []string{"cut off", "down"} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		leader := w.leader()
		gone := others(all, leader)[0]
		gone.must("x")
		if how == "down" {
			gone.crash()
		} else {
			w.meddle = lose(func(l letter) bool { return l.from == gone || l.to.ID == gone.card.ID })
		}
		if err := leader.control(remove(gone)); err != nil {
			t.Fatal(err)
		}
		w.run(10 * time.Second)
		term := leader.host.Status().Core.Term
		if how == "down" {
			gone.run()
		}
		w.meddle = nil
		w.rests(gone)
		if now := leader.host.Status().Core; now.Term != term || !leader.host.Leading() {
			t.Errorf("%s: the cluster was disturbed: term %d became %d", how, term, now.Term)
		}
	}
}

// A snapshot that a removed leader has taken stands for entries after its removal, too, and so
// holds the membership under another index than the others say. Scenario removed-disruptor.
func TestARemovedLeaderHearsOfItInItsNextLife(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	gone := w.leader()
	other := others(all, gone)[0]
	gone.must("x")
	gone.host.Control(1, remove(gone))
	w.until("it is removed, with entries behind that", func() bool {
		if !gone.host.Status().Removed {
			gone.propose("y")
		}
		return gone.host.Status().Removed
	})
	gone.host.TakeSnapshot(func(error) {})
	w.until("it has a snapshot", func() bool { return gone.host.Status().Snapshot.Index > 0 })
	w.until("another one knows of the removal", func() bool { return len(other.host.Status().Membership.Members) == 2 })
	if at, removal := gone.host.Status().Snapshot, other.host.Status().Core.MembershipAt; at.Index <= removal {
		t.Fatalf("its snapshot is at %s, its removal at %d: nothing stands between them", at, removal)
	}
	gone.crash()
	gone.run()
	w.until("it hears of it", func() bool { return gone.host.Status().Removed })
}

func TestAMemberThatIsAddedAgainWakes(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	back, _ := leader.host.Status().Membership.Find(m.card.ID)
	if err := leader.control(remove(m)); err != nil {
		t.Fatal(err)
	}
	w.rests(m)
	leader.must("y")
	if err := leader.control(host.Command{Op: host.AddMember, Member: back}); err != nil {
		t.Fatal(err)
	}
	w.until("it is awake", func() bool { return !m.host.Status().Removed })
	m.must("z")
	if got := w.agree(); !slices.Equal(got, []string{"x", "y", "z"}) {
		t.Errorf("applied was %v", got)
	}
}
