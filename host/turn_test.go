package host_test

import (
	"testing"

	"github.com/balsaraft/balsa/host"
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
