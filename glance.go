package balsa

import (
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/host"
)

// glance is what the loop lets callers know of the state's age, so that a read which need
// not be newer than that asks nobody, not even the loop. Any goroutine may look.
type glance struct{ last atomic.Pointer[freshness] }

// freshness is as of a turn of the loop. Times are by clock.ran, which stands still while
// the machine sleeps; ahead is what the calendar had gained on it, and tells of a sleep.
type freshness struct {
	known bool
	at    time.Duration // the state was the newest there was, at this moment
	ahead time.Duration
}

// coarse is how much newer the state must be for the loop to say so again.
const coarse = 5 * time.Millisecond

// note tells callers how new the state is. It is for turns.
func (g *glance) note(c *clock, at time.Duration, known bool) {
	now := freshness{known: known, at: at - c.slept, ahead: c.last.Round(0).Sub(c.start.Round(0)) - c.last.Sub(c.start)}
	before := g.last.Load()
	if before == nil || before.known != known || now.at-before.at >= coarse || apart(now.ahead, before.ahead) {
		told := now // what is not told costs no allocation
		g.last.Store(&told)
	}
}

// end lets nobody read without the loop any more.
func (g *glance) end() { g.last.Store(nil) }

// fresh says whether the state was the newest at most age ago.
func (g *glance) fresh(c *clock, age time.Duration) bool {
	f := g.last.Load()
	if f == nil || !f.known {
		return false
	}
	now := time.Now()
	ran := now.Sub(c.start)
	if ahead := now.Round(0).Sub(c.start.Round(0)) - ran; apart(ahead, f.ahead) {
		return false // the machine may have slept since: the loop finds out
	}
	return ran-f.at <= age
}

func apart(a, b time.Duration) bool { return a-b > sleepThreshold || b-a > sleepThreshold }

// readNow calls f if the state is as new as asked already, without a word to the loop, and
// says whether it did.
func (n *Node[S, C, R]) readNow(request host.ReadRequest, f func(S)) bool {
	if request.Level == host.Stale && !n.glance.fresh(&n.clock, request.Age) ||
		request.Level == host.AtLeast && n.glance.last.Load() == nil ||
		request.Level == host.Linearizable || request.Level == host.LeaseRead {
		return false
	}
	n.machine.mu.RLock()
	defer n.machine.mu.RUnlock()
	if request.Level == host.AtLeast && n.machine.at < request.Index {
		return false
	}
	f(n.machine.sm)
	return true
}
