package balsa

import (
	"time"

	"github.com/balsaraft/balsa/host"
)

// clock tells the host the time. The monotonic clock of many systems stands still
// while the machine sleeps, and so would the end of a lease; so when the calendar has
// moved on by much more than it, the difference counts as time that passed.
type clock struct {
	start time.Time
	last  time.Time
	slept time.Duration
}

// sleepThreshold is how far the two clocks must part to be taken for a sleep rather
// than for the calendar being set a little.
const sleepThreshold = 100 * time.Millisecond

func newClock() clock {
	now := time.Now()
	return clock{start: now, last: now}
}

func (c *clock) now() host.Now {
	now := time.Now()
	ran := now.Sub(c.last)                      // by the monotonic clock
	passed := now.Round(0).Sub(c.last.Round(0)) // by the calendar
	if passed > ran+sleepThreshold {
		c.slept += passed - ran
	}
	c.last = now
	return host.Now{Mono: now.Sub(c.start) + c.slept, Wall: now.UnixNano()}
}
