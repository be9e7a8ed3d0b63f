package balsa

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/host"
)

// readers gathers reads that want the same until the loop takes them, a group at a time.
// A read costs its caller one addition or one lock, and one wake that it shares with its
// group; no channel, timer or allocation is made for it, and while answers come soon its
// context is not waited for, as to wait for two things costs twice as much. Any goroutine
// may join; all else is for the loop, but for waiting.
//
// Linearizable reads that come while a question of such reads is on its way gather until
// there is an answer, and a moment longer, so that those who get it may come back and join
// the next one: a round to the others costs the same for one read as for all.
type readers struct {
	linear, lease line // reads that a leader must let go

	mu     sync.Mutex
	others []*readGroup // reads that want less
	closed error        // why no more are taken
}

// readGroup is reads that are asked for together, and let go together.
type readGroup struct {
	request host.ReadRequest // with the token under which the host knows it, once it does
	joined  atomic.Int64     // callers; below 0 once no more may join. Of those in a line
	last    bool             // nobody ever joins, as the line is closed
	callers int              // who have not given up; the loop's from when it has taken the group
	taken   time.Duration    // when the loop did, by clock.sinceStart
	news    chan struct{}    // closed once err is set, or the group is late
	done    chan struct{}    // of a group that is late: closed once err is set
	err     error
}

// patience is for how long a group waits for its answer alone. Then it is late, and each of
// its callers waits for the end of its context, too.
const patience = time.Millisecond

// beLate lets the callers mind their contexts. It is for the loop, and so is answer.
func (g *readGroup) beLate() {
	g.done = make(chan struct{})
	close(g.news)
}

// answer wakes all callers.
func (g *readGroup) answer(err error) {
	g.err = err
	if g.done != nil {
		close(g.done)
		return
	}
	close(g.news)
}

// await waits for the answer. It says false if ctx has ended before, of which a caller
// may hear as late as its group gets late.
func (g *readGroup) await(ctx context.Context) (answered bool) {
	<-g.news
	if g.done == nil {
		return true
	}
	select {
	case <-g.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// mustAsk says whether only a leader can let the group go.
func (g *readGroup) mustAsk() bool {
	return g.request.Level == host.Linearizable || g.request.Level == host.LeaseRead
}

// line is that of a level, nil if reads of it gather by what else they want.
func (r *readers) line(level host.Level) *line {
	switch level {
	case host.Linearizable:
		return &r.linear
	case host.LeaseRead:
		return &r.lease
	}
	return nil
}

// join puts a caller into the group that asks for the same. wake says that the loop does
// not know of it yet.
func (r *readers) join(request host.ReadRequest) (g *readGroup, wake bool, err error) {
	l := r.line(request.Level)
	if l == nil {
		return r.joinOthers(request)
	}
	if g, wake = l.join(request.Level); g != nil {
		return g, wake, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil, false, r.closed
}

func (r *readers) joinOthers(request host.ReadRequest) (g *readGroup, wake bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil {
		return nil, false, r.closed
	}
	for _, g := range r.others {
		if g.request == request {
			g.callers++
			return g, false, nil
		}
	}
	g = newReadGroup(request)
	g.callers = 1
	r.others = append(r.others, g)
	return g, true, nil
}

func newReadGroup(request host.ReadRequest) *readGroup {
	return &readGroup{request: request, news: make(chan struct{})}
}

// leave takes a caller out of a group that it does not wait for any more. last says that
// nobody is left in it.
func (r *readers) leave(g *readGroup) (last bool) {
	g.callers--
	return g.callers == 0
}

// take hands over what was gathered, as far as it is enough.
func (r *readers) take(into []*readGroup) []*readGroup {
	r.mu.Lock()
	into = append(into, r.others...)
	clear(r.others)
	r.others = r.others[:0]
	r.mu.Unlock()
	for _, l := range [...]*line{&r.lease, &r.linear} {
		if g := l.take(); g != nil {
			into = append(into, g)
		}
	}
	return into
}

// hold says whether linearizable reads are to gather until this is over.
func (r *readers) hold(held bool) { r.linear.held = held }

// expect says by who was answered who may come without a word to the loop. ready says that
// some are to be taken.
func (r *readers) expect(now time.Duration) (ready bool) {
	lease := r.lease.expect(now)
	return r.linear.expect(now) || lease
}

// giveUp expects nobody any more once that took long.
func (r *readers) giveUp(now time.Duration) {
	r.lease.giveUp(now)
	r.linear.giveUp(now)
}

// due is when to give up.
func (r *readers) due() (at time.Duration, any bool) {
	lease, anyLease := r.lease.due()
	linear, anyLinear := r.linear.due()
	switch {
	case anyLease && anyLinear:
		return min(lease, linear), true
	case anyLease:
		return lease, true
	}
	return linear, anyLinear
}

// let lets a group go, or fails it.
func (r *readers) let(g *readGroup, err error) {
	if l := r.line(g.request.Level); l != nil {
		l.answered(g.callers)
	}
	g.answer(err)
}

// gathered is how many reads are enough to be taken, and how many callers that were answered
// have not come back yet.
func (r *readers) gathered() (waiting, away int) {
	for _, l := range [...]*line{&r.lease, &r.linear} {
		if n := l.gathered(); l.ready() {
			waiting, away = waiting+n, away+max(0, l.away-n)
		}
	}
	return waiting, away
}

// stayAway forgets who was answered and has not come back.
func (r *readers) stayAway() { r.lease.away, r.linear.away = 0, 0 }

// close lets no more in, and takes all that the loop has not taken.
func (r *readers) close(reason error) (left []*readGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = reason
	left, r.others = r.others, nil
	for _, l := range [...]*line{&r.lease, &r.linear} {
		if g := l.close(); g != nil {
			left = append(left, g)
		}
	}
	return left
}

// waiting is how many callers wait, in groups that the loop has taken or not.
func (r *readers) waiting(taken map[uint64]*readGroup) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = r.lease.gathered() + r.linear.gathered()
	for _, g := range r.others {
		n += g.callers
	}
	for _, g := range taken {
		n += g.callers
	}
	return n
}
