package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Scenario inconsistent-apply: a state with a disk of its own must not be ahead of the
// log on this member's disk, which a crash could take back. One in memory goes with the
// log, and may be.
func TestADurableStateWaitsForItsOwnLog(t *testing.T) {
	for _, durable := range []bool{false, true} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		leader := w.leader()
		slow := others(all, leader)[0]
		slow.machine.durable = durable
		slow.hold = func(task *host.Task) bool { return task.Lane == host.LogLane }
		leader.must("x")
		w.run(time.Second)
		if applied := slices.Contains(slow.machine.Log, "x"); applied == durable {
			t.Errorf("durable %v: applied before its own log was written: %v", durable, applied)
		}
		slow.hold = nil
		w.until("it has applied the command", func() bool { return slices.Contains(slow.machine.Log, "x") })
	}
}

// Scenario rot-in-snapshot: a leader whose only snapshot is damaged takes another, once it
// has applied all that its state's own disk holds. What that holds was committed, so a
// member knows that much from the start, and need not hear it from a leader. An entry that
// its log does not have says nothing.
func TestWhatADurableStateHoldsIsKnownToBeCommitted(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	w.leader().must("x")
	w.until("all have applied it", func() bool { return slices.Contains(m.machine.Log, "x") })
	held := m.host.Status().Applied.Index
	w.meddle = lose(func(letter) bool { return true })
	for _, c := range []struct{ held, want wire.Index }{{held, held}, {held - 1, held - 1}, {held + 1, 0}} {
		m.crash()
		m.tune = func(cfg *host.Config) {
			machine := cfg.Machine.(*machine)
			machine.durable, machine.held = true, c.held
		}
		m.run()
		w.run(time.Second)
		if s := m.host.Status(); s.Core.Committed != c.want || s.Applied.Index != c.want {
			t.Errorf("a state that holds entry %d, a log up to %s: alone, it knows %d to be committed and has applied %d, want %d",
				c.held, s.Core.Last, s.Core.Committed, s.Applied.Index, c.want)
		}
	}
}
