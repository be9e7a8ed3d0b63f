package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
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
