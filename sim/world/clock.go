package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
)

// clock is a member's view of time. Its monotonic part runs at a rate of its own, which
// may change, and never goes back; its calendar is off by some amount, which may jump.
type clock struct {
	rate  int // in thousandths of true time
	since time.Duration
	mono  time.Duration // what it showed at since
	skew  time.Duration // of the calendar
}

// epoch is the calendar time at which a world begins.
const epoch = 1_700_000_000 * int64(time.Second)

func (c *clock) now(at time.Duration) host.Now {
	return host.Now{Mono: c.monoAt(at), Wall: epoch + int64(at) + int64(c.skew)}
}

func (c *clock) monoAt(at time.Duration) time.Duration {
	return c.mono + (at-c.since)*time.Duration(c.rate)/1000
}

// setRate lets the clock go on at another rate.
func (c *clock) setRate(at time.Duration, rate int) {
	c.mono, c.since, c.rate = c.monoAt(at), at, rate
}

// when is the true time at which the clock shows mono, not before now.
func (c *clock) when(mono, now time.Duration) time.Duration {
	ahead := mono - c.monoAt(now)
	if ahead <= 0 {
		return now
	}
	return now + ahead*1000/time.Duration(c.rate) + 1
}
