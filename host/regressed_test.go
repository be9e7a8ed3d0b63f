package host_test

import (
	"errors"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// Scenario rolled-back-disk: the leader goes on telling a member that its disk went back;
// what it is told first may be lost.
func TestAMemberIsToldAgainThatItsDiskWentBack(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	victim := others(all, leader)[0]
	leader.must("x")
	w.agree()
	older := victim.disk.Image(1)
	leader.must("y")
	leader.must("z")
	w.agree()
	victim.crash()
	victim.disk = older
	lost := 0
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.Regressed && lost < 2 {
			lost++
			return nil
		}
		return []letter{l}
	}
	victim.run()
	w.until("it is told", func() bool { return victim.host.Err() != nil })
	if err := victim.host.Err(); !errors.Is(err, fsys.ErrDamaged) || lost != 2 {
		t.Errorf("it stops with %v, after %d messages were lost", err, lost)
	}
}

// Scenario rolled-back-disk: the older image holds a longer log, of a leader that was
// deposed before it was committed. That is not what the member had last.
func TestALongerLogOfADeposedLeaderIsNoneTheLessOlder(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	victim := w.leader()
	victim.must("x")
	w.agree()
	w.meddle = func(l letter) []letter {
		if l.from == victim || l.to.Addr == victim.name {
			return nil
		}
		return []letter{l}
	}
	for range 10 {
		victim.propose("nobody hears this")
		w.step()
	}
	w.run(5 * heartbeat)
	end := victim.host.Status().Core.Last
	older := victim.disk.Image(1)
	var next *member
	w.until("another one leads", func() bool {
		for _, m := range others(all, victim) {
			if m.host.Leading() {
				next = m
			}
		}
		return next != nil
	})
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.Forward {
			return nil // what was proposed stays where it is
		}
		return []letter{l}
	}
	next.must("y")
	w.agree()
	if last := victim.host.Status().Core.Last; last.Index >= end.Index || last.Term <= end.Term {
		t.Fatalf("its log ends at %s and ended at %s: that shows nothing", last, end)
	}
	victim.crash()
	victim.disk = older
	victim.run()
	w.until("it is told", func() bool { return victim.host.Err() != nil })
	if err := victim.host.Err(); !errors.Is(err, fsys.ErrDamaged) {
		t.Errorf("it stops with %v", err)
	}
}
