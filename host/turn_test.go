package host_test

import (
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/wire"
)

// A proposal takes a dozen turns of three members, and in most of them little happens: what
// each of them left behind would be garbage by the megabyte.
func TestATurnWithoutWorkMakesNoGarbage(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	w.agree()
	now := host.Now{Mono: w.now, Wall: w.start}
	for _, m := range all {
		m.host.Turn(now)
		if n := testing.AllocsPerRun(100, func() { m.host.Turn(now) }); n > 0 {
			t.Errorf("%s: %v allocations a turn", m.name, n)
		}
	}
}

// A leader that is to give up a restore waits for its disk like anybody who writes, and does
// not turn in the meantime.
func TestALeaderWhoseDiskStandsStillDoesNotTurnForARestoreThatIsLeft(t *testing.T) {
	w := newWorld(t)
	m := w.cluster(nil, "a")[0]
	m.machine.staged, m.machine.knows = restoring.Progress{ID: 1, At: 1}, wire.KindRestore
	m.must("a")
	m.hold = func(t *host.Task) bool { return t.Lane == host.LogLane }
	m.propose("b")
	w.run(restoring.Patience + time.Second)
	if m.turn(); m.due <= w.now {
		t.Errorf("it wants to be turned at %s, and it is %s", m.due, w.now)
	}
	given := func() bool { return strings.HasPrefix(m.machine.Log[len(m.machine.Log)-1], "new: ") }
	if given() {
		t.Fatal("the restore was given up by a log that cannot be written")
	}
	m.hold = nil
	w.until("the restore is given up", given)
}
