package balsa

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/balsaraft/balsa/host"
)

// Node is a member that turns itself: whoever brings work turns its host.Host if nobody
// does, and a goroutine where that is not so; one writes the log, one applies, and a few
// come and go with rare tasks. Its methods may be called from any goroutine.
type Node[S StateMachine[C, R], C, R any] struct {
	cfg      Config
	clock    clock
	calls    *calls[R]
	machine  *machine[S, C, R]
	versions *versions[C] // nil if all commands are of one version
	mail     mailbox
	readers  readers
	glance   glance
	scratch  sync.Pool
	lock     io.Closer // holds the directory

	turns     turns      // who turns the host
	host      *host.Host // whose owner that is, as of all that follows
	transport Transport
	chunks    []host.Chunk
	in        taken
	deadline  time.Duration
	gathering bool // proposals were not taken, because they are better gathered, or were too many at once
	pacing    pacing
	aging     time.Duration // when calls get older next, by clock.sinceStart; 0 while none are open
	gathered  []*readGroup
	holding   bool                  // what readers was told last
	asked     map[uint64]*readGroup // groups of reads that the host knows, by their tokens
	young     []*readGroup          // those of them that are not late, the oldest first; perhaps some that are answered
	controls  map[uint64]func(host.ControlDone)
	token     uint64
	lanes     [2]chan *host.Task // the lanes that are always busy: log and apply
	tasks     sync.WaitGroup

	events     hub
	lastStatus Status // as of the end
	applied    progress

	closing  chan struct{} // closed by Close
	closeOne sync.Once
	done     chan struct{} // closed when nothing runs any more
	err      error         // why the node has stopped; to be read after done
}

// Cluster is what most code needs of one, wherever it runs: a *Node is one, for who is in
// a member's process, and so is a *client.Client outside.
type Cluster[C, R any] interface {
	// Propose replicates a command and returns what Apply returned for it.
	Propose(ctx context.Context, command C) (R, error)
	// Query asks the state machine, which must be a Querier, a question.
	Query(ctx context.Context, question []byte, options ...ReadOption) (answer []byte, err error)
}

// Transport carries messages between members; transport/tcp has the usual one,
// transport/grpc one for a server that is there anyway. Besides what a host needs of it,
// it wakes the node and can be closed.
//
// One that has a method OnMessage(func()) calls that function each time when a message has
// come, in the goroutine that has read it, and need not show the message in Wake. The
// function may turn the node, and so use the transport.
//
// One that has a method MayVote(Member) bool says by it which learners a leader may
// promote, as some can be reached in a way that no quorum should rest on (package windows).
// SetMembers and AddMember let anybody vote.
type Transport interface {
	host.Transport
	// Wake is readable when Drain has something.
	Wake() <-chan struct{}
	// Addr is the address it listens on.
	Addr() string
	// Close ends all its goroutines and connections before it returns.
	Close() error
}

// mailbox is what is there for the next turn, which takes all of it at once. The loop is
// woken once for all that came meanwhile.
type mailbox struct {
	mu        sync.Mutex
	finished  []*host.Task
	withdrawn []withdrawal
	asks      []func()
	wake      chan struct{} // holds a token while there is something
}

type withdrawal struct {
	seq    uint64
	reason error
}

func (m *mailbox) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// put adds something under the lock.
func (m *mailbox) put(add func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	add()
}

// taken is what a turn has taken out of the mailbox.
type taken struct {
	finished  []*host.Task
	withdrawn []withdrawal
	asks      []func()
}

func (m *mailbox) take(t *taken) {
	clear(t.finished)
	clear(t.asks)
	m.mu.Lock()
	defer m.mu.Unlock()
	t.finished, m.finished = m.finished, t.finished[:0]
	t.withdrawn, m.withdrawn = m.withdrawn, t.withdrawn[:0]
	t.asks, m.asks = m.asks, t.asks[:0]
}

// work runs the tasks of one lane.
func (n *Node[S, C, R]) work(lane <-chan *host.Task) {
	for t := range lane {
		n.runTask(t)
	}
}

func (n *Node[S, C, R]) runTask(t *host.Task) {
	defer n.tasks.Done()
	t.Run()
	n.mail.put(func() { n.mail.finished = append(n.mail.finished, t) })
	n.advance()
}

// takeIn gives the host what has come in from this process.
func (n *Node[S, C, R]) takeIn() {
	n.mail.take(&n.in)
	for _, t := range n.in.finished {
		n.host.Finish(t)
	}
	n.letBringNews()
	// What the host would only put aside is better gathered further. One who withdraws
	// wants to know where the command is.
	takes := n.host.TakesProposals()
	n.gathering = !takes
	switch {
	case len(n.in.withdrawn) > 0:
		n.pacing.went()
		for n.takeProposals() {
		}
	case takes && n.paced():
		n.pacing.went()
		n.gathering = n.takeProposals()
	case !takes:
		n.pacing.went() // the log is busy: what waits is held back by that
	}
	for _, w := range n.in.withdrawn {
		n.host.Withdraw(w.seq, w.reason)
	}
	letReturn(&n.clock, &n.readers)
	n.takeReads()
	for _, ask := range n.in.asks {
		ask()
	}
}

// takeProposals gives the host what was gathered, as much as is good at once, and says whether
// more is left.
func (n *Node[S, C, R]) takeProposals() (more bool) {
	n.chunks, more = n.calls.take(n.chunks[:0])
	for i := range n.chunks {
		n.chunks[i].Made += n.clock.slept
		n.host.Propose(n.chunks[i])
	}
	clear(n.chunks)
	return more
}

// putOut spreads what a turn has brought.
func (n *Node[S, C, R]) putOut(out host.Output) {
	n.putOutTasks(out.Tasks)
	for _, r := range out.Refused {
		var none R
		n.calls.finish(r.Seq, none, outcome(proposing, r.Sure, r.Err))
	}
	for _, token := range out.Reads {
		n.releaseReads(token)
	}
	for _, c := range out.Controls {
		if answer := n.controls[c.Token]; answer != nil {
			delete(n.controls, c.Token)
			answer(c)
		}
	}
	n.noteEvents(out.Events)
	at, known := n.host.FreshAt()
	n.glance.note(&n.clock, at, known)
	n.deadline = out.Deadline
	if n.gathering && n.host.TakesProposals() && n.calls.anyWaiting() {
		n.mail.wakeUp()
	}
	if held := n.host.HoldsReads(); held != n.holding {
		n.holding = held
		if n.readers.hold(held) {
			n.mail.wakeUp()
		}
	}
}

// putOutTasks hands tasks to who runs them. The log's comes last: of those whom a goroutine
// has woken the last one runs first, and others wait for that one.
func (n *Node[S, C, R]) putOutTasks(tasks []*host.Task) {
	n.tasks.Add(len(tasks))
	var log *host.Task
	for _, t := range tasks {
		switch {
		case t.Lane == host.LogLane:
			log = t
		case int(t.Lane) < len(n.lanes):
			n.lanes[t.Lane] <- t
		default:
			go n.runTask(t)
		}
	}
	if log != nil {
		n.letSend()
		n.lanes[host.LogLane] <- log
	}
}

// ask runs f in a turn and waits until it has run. It says false if the node ended
// before.
func (n *Node[S, C, R]) ask(f func()) bool {
	ran := make(chan struct{})
	n.mail.put(func() { n.mail.asks = append(n.mail.asks, func() { f(); close(ran) }) })
	n.advance()
	select {
	case <-ran:
		return true
	case <-n.done:
		select {
		case <-ran:
			return true
		default:
			return false
		}
	}
}

// end stops all that runs and answers all who wait. Whatever was sent may have been
// committed; that is what they are told.
func (n *Node[S, C, R]) end(err error) {
	reason := ErrClosed
	if !errors.Is(err, ErrClosed) {
		reason = fmt.Errorf("%w: this member has stopped: %w", ErrClosed, err)
		n.cfg.Logger.Error("this member has stopped", "error", err)
	}
	n.calls.close(reason)
	n.host.Interrupt()
	n.tasks.Wait()
	for _, lane := range n.lanes {
		close(lane)
	}
	n.takeIn()
	n.takeProposals()
	n.lastStatus = n.look()
	errs := []error{n.transport.Close(), n.host.Close(), n.lock.Close()}
	var none R
	for _, seq := range n.calls.waiting() {
		n.calls.finish(seq, none, outcome(proposing, n.host.NeverSent(seq), reason))
	}
	n.glance.end()
	n.failReads(reason)
	for token, answer := range n.controls {
		answer(host.ControlDone{Token: token, Err: outcome(changing, false, reason)})
	}
	if !errors.Is(err, ErrClosed) {
		errs = append([]error{err}, errs...)
	}
	n.err = errors.Join(errs...)
}

// Done is closed when the node has ended: after Close, or because it stopped by
// itself, which Err explains.
func (n *Node[S, C, R]) Done() <-chan struct{} { return n.done }

// Err is why the node ended, nil while it runs and after a Close without trouble.
func (n *Node[S, C, R]) Err() error {
	select {
	case <-n.done:
		return n.err
	default:
		return nil
	}
}

// Close hands leadership over, if this member has it and another can take it, answers
// the calls that wait, ends all goroutines and lets go of the directory. What it
// returns is why the node had stopped before, if it had, or what went wrong in
// closing.
func (n *Node[S, C, R]) Close() error {
	n.calls.close(ErrClosed)
	n.closeOne.Do(func() {
		n.handOver()
		close(n.closing)
	})
	<-n.done
	return n.err
}

// handOver gives leadership away and lets the calls that are under way finish, within
// an election timeout each.
func (n *Node[S, C, R]) handOver() {
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.Timing.Election)
	defer cancel()
	var leading, others bool
	if !n.ask(func() { leading, others = n.host.Leading(), n.host.OthersCanLead() }) {
		return
	}
	n.drain(ctx)
	if !leading || !others {
		return
	}
	ctx, cancel = context.WithTimeout(context.Background(), n.cfg.Timing.Election)
	defer cancel()
	if err := n.TransferLeadership(ctx, 0); err != nil {
		n.cfg.Logger.Info("closing as the leader: nobody took over in time", "error", err)
	}
}

// drain waits until no proposal is under way, or ctx ends.
func (n *Node[S, C, R]) drain(ctx context.Context) {
	for {
		room := n.calls.drained()
		if room == nil {
			return
		}
		select {
		case <-room:
		case <-ctx.Done():
			return
		case <-n.done:
			return
		}
	}
}

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

// sinceStart is the time that has passed, but for sleep. Any goroutine.
func (c *clock) sinceStart() time.Duration { return time.Since(c.start) }

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
