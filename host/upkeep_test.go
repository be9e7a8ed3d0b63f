package host_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
)

// slowDisk lets each write of a member's log take a while.
func (m *member) slowDisk(takes time.Duration) {
	until := map[*host.Task]time.Duration{}
	m.hold = func(t *host.Task) bool {
		if t.Lane != host.LogLane {
			return false
		}
		if until[t] == 0 {
			until[t] = m.w.now + takes
		}
		return m.w.now < until[t]
	}
}

// keepWriting lets the leader write for a while.
func keepWriting(w *world, d time.Duration, from *member) {
	for i, end := 0, w.now+d; w.now < end; i++ {
		from.propose(fmt.Sprint("k", i))
		w.run(50 * time.Millisecond)
	}
}

func noticesSlowDisks(c *host.Config) { c.SlowDisk = 100 * time.Millisecond }

func TestLeadershipLeavesASlowDisk(t *testing.T) {
	w := newWorld(t)
	w.cluster(noticesSlowDisks, "a", "b", "c")
	slow := w.leader()
	slow.slowDisk(200 * time.Millisecond)
	keepWriting(w, 20*time.Second, slow)
	next := w.leader()
	if next == slow {
		t.Fatal("the member with the slow disk leads still")
	}
	term := next.host.Status().Core.Term
	keepWriting(w, 10*time.Second, next)
	if w.leader() != next || next.host.Status().Core.Term != term {
		t.Errorf("leadership moved on from %s to %s", next.name, w.leader().name)
	}
	slow.hold = nil
	w.agree()
}

// Who is slow like everybody else is not left: it would be no better elsewhere.
func TestLeadershipStaysWhereAllDisksAreSlow(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(noticesSlowDisks, "a", "b", "c")
	leader := w.leader()
	for _, m := range all {
		m.slowDisk(200 * time.Millisecond)
	}
	keepWriting(w, 20*time.Second, leader)
	if w.leader() != leader {
		t.Errorf("leadership moved from %s to %s", leader.name, w.leader().name)
	}
}

func TestLeadershipStaysOnASlowDiskIfItMay(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil, "a", "b", "c") // SlowDisk 0: never
	leader := w.leader()
	leader.slowDisk(200 * time.Millisecond)
	keepWriting(w, 20*time.Second, leader)
	if w.leader() != leader {
		t.Errorf("leadership moved from %s to %s", leader.name, w.leader().name)
	}
}

func TestAPreferredMemberLeads(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Preferred = c.Card.Name == "b"; noticesSlowDisks(c) }, "a", "b", "c")
	b := all[1]
	w.until("b leads", b.host.Leading)
	b.crash()
	w.until("another one leads", func() bool { return w.leader() != nil && w.leader() != b })
	b.run()
	w.until("b leads again", b.host.Leading)

	// While its disk is slow it does not come back.
	b.slowDisk(200 * time.Millisecond)
	keepWriting(w, 20*time.Second, b)
	if b.host.Leading() {
		t.Fatal("b leads still, with a slow disk")
	}
	keepWriting(w, 90*time.Second, w.leader())
	if b.host.Leading() {
		t.Error("b leads again, and its disk is slow")
	}
	b.hold = nil
	w.until("b leads once more", b.host.Leading)
}

func TestTwoPreferredMembersDoNotFight(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.Preferred = c.Card.Name != "c" }, "a", "b", "c")
	w.until("a preferred one leads", func() bool { return all[0].host.Leading() || all[1].host.Leading() })
	leader := w.leader()
	term := leader.host.Status().Core.Term
	w.run(2 * time.Minute)
	if w.leader() != leader || leader.host.Status().Core.Term != term {
		t.Errorf("leadership moved from %s to %s", leader.name, w.leader().name)
	}
}
