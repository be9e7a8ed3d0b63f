package balsa

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/host"
)

// line is reads of one level that gather until the loop takes them. To join costs a caller
// one addition and no lock: hundreds of them come back at once, on all cores.
//
// Those who were answered together come back together, and who decides when they are enough
// is the loop: it says how many may join without a word to it, and sleeps meanwhile. A core
// whose loop sleeps takes over callers that wait for another core to run them; one whose
// loop asked for the first few would go round and round with those, and never look.
//
// Any goroutine may join. All else is for the loop.
type line struct {
	now   atomic.Pointer[readGroup] // the group to join; nil before the first
	quiet atomic.Int64              // how many may join without a word to the loop

	held  bool          // they gather until this is over
	away  int           // how many were answered since a group was taken
	since time.Duration // since when those are expected back; 0 while nobody is
	rest  int           // groups to take before any are expected again
	pause int           // how many that were the last time
}

const (
	// sealed is how many are in a group that takes no more.
	sealed = math.MinInt64 / 2
	// unbounded is more than there can be in line.
	unbounded = math.MaxInt64 - 1
	// stragglers is which part of the callers are not waited for: one over this.
	stragglers = 8
)

// join puts a caller into the group that gathers. wake says that the loop is to know. It
// returns no group if the line is closed.
func (l *line) join(level host.Level) (g *readGroup, wake bool) {
	for {
		g := l.now.Load()
		if g == nil {
			l.now.CompareAndSwap(nil, newReadGroup(host.ReadRequest{Level: level}))
			continue
		}
		if n := g.joined.Add(1); n > 0 {
			return g, n == l.quiet.Load()+1
		}
		if g.last {
			return nil, false
		}
		// It was taken meanwhile, after the next one had its place.
	}
}

// gathered is how many are in line.
func (l *line) gathered() int {
	if g := l.now.Load(); g != nil {
		return int(max(0, g.joined.Load()))
	}
	return 0
}

// ready says whether those in line are enough.
func (l *line) ready() bool { return int64(l.gathered()) > l.quiet.Load() }

// take ends the group that gathers, and lets the next one begin. It is nil if that is empty,
// or not enough.
func (l *line) take() *readGroup {
	if !l.ready() {
		return nil
	}
	if l.rest > 0 {
		l.rest--
	}
	if l.since > 0 {
		l.pause /= 2
	}
	l.away, l.since = 0, 0
	g := l.now.Load()
	return l.end(g, newReadGroup(g.request))
}

// end takes a group once another one has its place.
func (l *line) end(g, next *readGroup) *readGroup {
	l.now.Store(next)
	g.callers = int(g.joined.Swap(sealed))
	return g
}

// close lets nobody join any more, and returns who is in line, or nil.
func (l *line) close() *readGroup {
	last := &readGroup{last: true}
	last.joined.Store(sealed)
	if l.now.CompareAndSwap(nil, last) {
		return nil
	}
	if g := l.end(l.now.Load(), last); g.callers > 0 {
		return g
	}
	return nil
}

// answered says that so many callers may come back.
func (l *line) answered(callers int) { l.away += callers }

// expect says how many may join without a word to the loop: all while they are held, and
// else as many as were answered, but for a few that something may keep. ready says that
// more have come already. A few callers who come and go as they like are not expected.
func (l *line) expect(now time.Duration) (ready bool) {
	quiet := int64(0)
	switch {
	case l.held:
		quiet = unbounded
	case l.away >= fewest && l.rest == 0:
		quiet = int64(l.away - l.away/stragglers - 1)
		if l.since == 0 {
			l.since = now
		}
	}
	// Who joins first and looks then meets the loop, which says first and looks then.
	if l.quiet.Load() != quiet {
		l.quiet.Store(quiet)
	}
	return l.ready()
}

// due is until when those who were answered are expected back.
func (l *line) due() (at time.Duration, any bool) { return l.since + longestReturn, l.since > 0 }

// giveUp expects nobody any more once it is due. Were some kept waiting for that, others
// are let go as they come, for ever longer.
func (l *line) giveUp(now time.Duration) {
	if at, any := l.due(); !any || now < at || l.ready() {
		return
	}
	if l.gathered() > 0 {
		l.pause = min(max(firstRest, 2*l.pause), longestRest)
		l.rest = l.pause
	}
	l.away, l.since = 0, 0
	l.quiet.Store(0)
}
