package host_test

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Scenario own-incarnation: a leader repeats the newest mark that it has had of a
// member, after a restart of that member one of its earlier life. It says nothing about
// the time now, wherever on the new scale of marks it happens to lie.
func TestAMarkOfAnEarlierLifeDatesNoStaleRead(t *testing.T) {
	for _, lies := range []string{"ahead", "behind"} {
		w := newWorld(t)
		scale := map[string]uint64{"ahead": 0, "behind": 1 << 62}[lies]
		next := uint64(1 << 61)
		all := w.cluster(func(c *host.Config) {
			// The scale begins at random: here, where the test wants it.
			random, from := c.Random, next
			c.Random = func() uint64 { return random()>>4 | from }
		}, "a", "b", "c")
		leader := w.leader()
		m := others(all, leader)[0]
		m.must("x")
		w.agree()

		// After its restart it hears from the leader, and the leader not from it.
		m.crash()
		marks := 0
		w.meddle = func(l letter) []letter {
			if l.from == m {
				return nil
			}
			if l.to.ID == m.card.ID && l.Kind == wire.Append && l.ID != 0 {
				marks++
			}
			return []letter{l}
		}
		next = scale
		m.run()
		w.run(2 * time.Second)
		if marks == 0 || m.host.Status().Applied != leader.host.Status().Applied {
			t.Fatalf("%s: %d marks came to it, applied is %s", lies, marks, m.host.Status().Applied)
		}

		// Then the others go on without it.
		w.meddle = lose(func(l letter) bool { return l.from == m || l.to.ID == m.card.ID })
		leader.must("y")
		w.run(time.Minute)
		m.host.Read(host.ReadRequest{Token: 1, Level: host.Stale, Age: time.Second})
		w.run(5 * time.Second)
		if m.reads[1] {
			t.Errorf("%s: cut off for a minute, it answers a read of a state one second old", lies)
		}
	}
}
