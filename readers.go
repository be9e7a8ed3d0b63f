package balsa

import (
	"context"
	"sync"
	"time"

	"github.com/balsaraft/balsa/host"
)

// readers gathers reads that want the same until the loop takes them, a group at a time.
// A read costs its caller one lock, and one wake that it shares with its group; no
// channel, timer or allocation is made for it, and while answers come soon its context is
// not waited for, as to wait for two things costs twice as much. Any goroutine may use it.
//
// Linearizable reads that come while a question of such reads is on its way gather until
// there is an answer, and a moment longer, so that those who get it may come back and join
// the next one: a round to the others costs the same for one read as for all.
type readers struct {
	mu     sync.Mutex
	linear *readGroup   // linearizable reads that the loop has not taken
	others []*readGroup // reads that want less
	held   bool         // linearizable reads gather without a word to the loop, which turns soon
	away   int          // how many callers were answered and have not come back
	closed error        // why no more are taken
}

// readGroup is reads that are asked for together, and let go together.
type readGroup struct {
	request host.ReadRequest // with the token under which the host knows it, once it does
	callers int              // who have not given up; guarded by readers.mu
	taken   time.Duration    // when the loop did, by clock.sinceStart
	news    chan struct{}    // closed once err is set, or the group is late
	done    chan struct{}    // of a group that is late: closed once err is set
	err     error
}

// patience is for how long a group waits for its answer alone. Then it is late, and each of
// its callers waits for the end of its context, too.
const patience = time.Millisecond

// beLate lets the callers mind their contexts. It is for turns, and so is answer.
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

// join puts a caller into the group that asks for the same. wake says that the loop does
// not know of it yet.
func (r *readers) join(request host.ReadRequest) (g *readGroup, wake bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil {
		return nil, false, r.closed
	}
	r.away--
	if request.Level == host.Linearizable {
		if r.linear != nil {
			r.linear.callers++
			return r.linear, false, nil
		}
		r.linear = newReadGroup(request)
		return r.linear, !r.held, nil
	}
	for _, g := range r.others {
		if g.request == request {
			g.callers++
			return g, false, nil
		}
	}
	g = newReadGroup(request)
	r.others = append(r.others, g)
	return g, true, nil
}

func newReadGroup(request host.ReadRequest) *readGroup {
	return &readGroup{request: request, callers: 1, news: make(chan struct{})}
}

// leave takes a caller out of a group that it does not wait for any more. last says that
// nobody is left in it.
func (r *readers) leave(g *readGroup) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.callers--
	return g.callers == 0
}

// take hands over what was gathered.
func (r *readers) take(into []*readGroup) []*readGroup {
	r.mu.Lock()
	defer r.mu.Unlock()
	into = append(into, r.others...)
	clear(r.others)
	r.others = r.others[:0]
	if r.linear != nil && !r.held {
		into, r.linear = append(into, r.linear), nil
	}
	return into
}

// hold says whether linearizable reads are to gather without a word to the loop. wake says
// that some have, and are not to any more.
func (r *readers) hold(held bool) (wake bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = held
	return !held && r.linear != nil
}

// let lets a group go, or fails it.
func (r *readers) let(g *readGroup, err error) {
	r.mu.Lock()
	r.away = max(0, r.away) + g.callers
	r.mu.Unlock()
	g.answer(err)
}

// gathered is how many reads wait to be taken, and how many callers that were answered have
// not come back yet. Those that are held do not wait.
func (r *readers) gathered() (waiting, away int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.linear != nil && !r.held {
		waiting = r.linear.callers
	}
	for _, g := range r.others {
		waiting += g.callers
	}
	return waiting, r.away
}

// stayAway forgets who was answered and has not come back.
func (r *readers) stayAway() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = 0
}

// close lets no more in, and takes all that the loop has not taken.
func (r *readers) close(reason error) (left []*readGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = reason
	left = r.others
	if r.linear != nil {
		left = append(left, r.linear)
	}
	r.linear, r.others = nil, nil
	return left
}

// waiting is how many callers wait, in groups that the loop has taken or not.
func (r *readers) waiting(taken map[uint64]*readGroup) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.linear != nil {
		n += r.linear.callers
	}
	for _, g := range r.others {
		n += g.callers
	}
	for _, g := range taken {
		n += g.callers
	}
	return n
}
