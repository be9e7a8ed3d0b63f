package balsa

import (
	"runtime"
	"time"
)

// pacing decides when a leader's own proposals that wait go to the log, while the log is
// free to be written. A batch costs the same sync on each member whatever it holds, and
// callers who were answered together come back together, but one after the other: were the
// first of them taken at once, all others would wait until its batch of one is synced. So
//
//   - those who were answered just now may come back first (letReturn);
//   - while more are in a batch on its way than wait, they wait for its commit. In a cluster
//     whose members are near, that comes soon after this member's own sync. Where it does
//     not, holding back is in vain, and is tried ever more seldom.
//
// Fewer than fewest on the way are never waited for: one caller has nobody to wait for,
// and a few callers who come and go as they like would only wait for each other. Nor are
// more than most: to take in and to answer that many takes as long as a sync does, and the
// one goes on well beside the other.
type pacing struct {
	held  time.Duration // since when proposals are held back; 0 while none are
	rest  int           // batches to let go before holding back again
	pause int           // how many that were the last time
}

const (
	fewest = 4
	most   = 128
	// longestHold is for how long proposals are held back. A timer of less than a
	// millisecond may take that long where all else sleeps.
	longestHold = 500 * time.Microsecond
	// firstRest and longestRest are how many batches go after one that was held back in
	// vain.
	firstRest   = 64
	longestRest = 1 << 16
	// longestReturn is for how long callers may come back before the first is taken.
	longestReturn = 100 * time.Microsecond
)

// takes says whether proposals that wait may go now, by how many wait and how many are on
// their way. If not, it is asked again by the time that due says.
func (p *pacing) takes(now time.Duration, waiting, flying int) bool {
	switch {
	case waiting == 0:
		return true
	case flying < fewest || flying > most || flying <= waiting:
		if p.held > 0 {
			p.pause = 0
		}
		return true
	case p.rest > 0:
		p.rest--
		return true
	case p.held == 0:
		p.held = now
		return false
	case now-p.held < longestHold:
		return false
	}
	p.pause = min(max(firstRest, 2*p.pause), longestRest)
	p.rest = p.pause
	return true
}

// went says that nothing is held back now.
func (p *pacing) went() { p.held = 0 }

// due is when to ask again if nothing happens before.
func (p *pacing) due() (at time.Duration, holds bool) { return p.held + longestHold, p.held > 0 }

// paced says whether the proposals that wait go to the host now.
func (n *Node[S, C, R]) paced() bool {
	letReturn(&n.clock, n.calls)
	if !n.host.Leading() {
		n.pacing = pacing{}
		return true
	}
	waiting, flying := n.calls.count()
	return n.pacing.takes(n.clock.sinceStart(), waiting, flying)
}

// letBringNews lets callers run who were just answered, all of them, before a leader tells
// its followers of that commit: what they propose takes it along.
func (n *Node[S, C, R]) letBringNews() {
	if !n.host.HoldsNews() {
		return
	}
	if waiting, flying := n.calls.count(); waiting+flying == 0 {
		runtime.Gosched()
	}
}

// letSend lets a leader's messages leave before it begins to write its log: those who get
// them begin their syncs, which take as long as its own, and to begin one here keeps a
// processor busy for as long as to send. Among many callers it would come back late.
func (n *Node[S, C, R]) letSend() {
	if !n.host.Leading() {
		return
	}
	if _, flying := n.calls.count(); flying <= most {
		runtime.Gosched()
	}
}

// crowd is callers who wait for the same loop.
type crowd interface {
	// gathered is how many wait to be taken, and how many were answered and have not come
	// back yet.
	gathered() (waiting, away int)
	// stayAway forgets who was answered and has not come back.
	stayAway()
}

// letReturn lets callers run who were just answered, if some of the crowd wait. It ends once
// they are back, or none of them has come in its turn, or after a moment.
func letReturn(clock *clock, c crowd) {
	var began time.Duration
	for {
		waiting, away := c.gathered()
		if waiting == 0 || away <= 0 {
			return
		}
		switch now := clock.sinceStart(); {
		case began == 0:
			began = now
		case now-began > longestReturn:
			return
		}
		runtime.Gosched()
		if after, _ := c.gathered(); after == waiting {
			c.stayAway()
			return
		}
	}
}
