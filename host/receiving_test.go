package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Scenario session-in-snapshot: while a snapshot becomes the state, which takes long, the
// member opens another session. That the snapshot knows the one before says nothing of
// this one, whose opening is brought to the log until it is there.
func TestASnapshotOpensTheSessionThatItWasAskedFor(t *testing.T) {
	const ttl = 10 * time.Second
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.SessionTTL = ttl }, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	w.agree()

	w.meddle = lose(func(l letter) bool { return l.to.ID == m.card.ID && l.Kind == wire.Append && len(l.Spans) > 0 })
	leader.must("y")
	leader.must("z")
	leader.host.TakeSnapshot(func(error) {})
	m.hold = onLane(host.ApplyLane)
	w.until("a snapshot is about to be its state", func() bool { return slices.ContainsFunc(m.tasks, m.hold) })

	w.meddle = lose(func(l letter) bool { return l.from == m && l.Kind == wire.Forward })
	w.run(ttl * 3 / 4)
	m.propose("late") // the session may be too old by now, so it opens another
	w.run(time.Second)
	m.hold = nil
	w.until("the snapshot is the state", func() bool { _, ok := m.saw(host.SnapshotInstalled); return ok })
	w.meddle = nil
	w.until("the command is applied", func() bool { return slices.Contains(m.machine.Log, "late") })
	w.agree()
}
