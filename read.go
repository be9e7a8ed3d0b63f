package balsa

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
)

const reading = "read"

// ReadOption weakens what a read promises, for speed. Without one, reads are
// linearizable: they see all that was acknowledged before they began, on any member.
type ReadOption struct{ request host.ReadRequest }

// Request is what the option asks of a host, for who carries it elsewhere.
func (o ReadOption) Request() host.ReadRequest { return o.request }

// Stale lets a read see a state that was the newest at most max ago. It asks nobody
// while this member has heard from the leader lately enough.
func Stale(max time.Duration) ReadOption {
	return ReadOption{host.ReadRequest{Level: host.Stale, Age: max}}
}

// Lease lets the leader answer from its lease, without a round to the others. The read
// is linearizable as long as no two members' clocks run at rates that differ by more
// than a tenth.
func Lease() ReadOption { return ReadOption{host.ReadRequest{Level: host.LeaseRead}} }

// AtLeast lets a read see any state that holds the entry at index, for reading one's
// own writes. It asks nobody, and waits until this member has applied that entry.
func AtLeast(index Index) ReadOption {
	return ReadOption{host.ReadRequest{Level: host.AtLeast, Index: index}}
}

// Read calls f with the state machine while no Apply runs, as soon as the state is as
// new as asked: linearizable without options. f must not change the state or keep a
// part of it, and may run beside other reads. Any goroutine may call Read, on any
// member.
//
// Errors, besides those of ctx, Is ErrNotCommitted, with ErrNoLeader or ErrClosed
// under it where they are the reason; f has not been called then.
func (n *Node[S, C, R]) Read(ctx context.Context, f func(S), options ...ReadOption) error {
	var request host.ReadRequest
	for _, o := range options {
		request = o.request
	}
	if ctx.Err() == nil && n.readNow(request, f) {
		if n.cfg.Meter.Read != nil {
			n.cfg.Meter.Read(0, nil)
		}
		return nil
	}
	if err := n.awaitRead(ctx, request); err != nil {
		return err
	}
	n.machine.mu.RLock()
	defer n.machine.mu.RUnlock()
	f(n.machine.sm)
	return nil
}

// Query asks the state machine, which must be a Querier, a question in bytes. It
// promises what Read does.
func (n *Node[S, C, R]) Query(ctx context.Context, question []byte, options ...ReadOption) (answer []byte, err error) {
	querier, ok := any(n.machine.sm).(Querier)
	if !ok {
		return nil, outcome("query", true, fmt.Errorf("%w: %T has no method Query", ErrConfig, n.machine.sm))
	}
	var failed error
	if err := n.Read(ctx, func(S) { answer, failed = querier.Query(question) }, options...); err != nil {
		return nil, err
	}
	return answer, failed
}

func (n *Node[S, C, R]) awaitRead(ctx context.Context, request host.ReadRequest) error {
	meter := n.cfg.Meter.Read
	if meter == nil {
		return n.awaitMoment(ctx, request)
	}
	began := time.Now()
	err := n.awaitMoment(ctx, request)
	meter(time.Since(began), err)
	return err
}

func (n *Node[S, C, R]) awaitMoment(ctx context.Context, request host.ReadRequest) error {
	if ctx.Err() != nil {
		return n.unanswered(ctx, request, nil)
	}
	g, wake, err := n.readers.join(request)
	if err != nil {
		return outcome(reading, true, err)
	}
	if wake {
		n.advance()
	}
	if g.await(ctx) {
		return g.err
	}
	return n.unanswered(ctx, request, g)
}

// unanswered is what a caller is told whose context has ended, and takes it out of its group
// if it is in one.
func (n *Node[S, C, R]) unanswered(ctx context.Context, request host.ReadRequest, g *readGroup) error {
	var why error
	n.ask(func() {
		if g != nil {
			n.leaveRead(g)
		}
		why = n.whyReadWaits(request)
	})
	return outcome(reading, true, why, context.Cause(ctx))
}

// whyReadWaits is what a read waits for, nil if it is known to nobody.
func (n *Node[S, C, R]) whyReadWaits(request host.ReadRequest) error {
	if applied := n.host.Status().Applied.Index; request.Level == host.AtLeast && applied < request.Index {
		return fmt.Errorf("this member has applied up to %d, and not yet up to %d", applied, request.Index)
	}
	return n.host.WhyNoLeader()
}

// takeReads asks the host for the groups of reads that have come in, with one question for
// each.
func (n *Node[S, C, R]) takeReads() {
	n.gathered = n.readers.take(n.gathered[:0])
	for _, g := range n.gathered {
		if g.mustAsk() && n.host.Removed() {
			n.readers.let(g, outcome(reading, true, ErrRemoved))
			continue
		}
		n.token++
		g.request.Token = n.token
		n.asked[n.token] = g
		g.taken = n.clock.sinceStart()
		n.young = append(n.young, g)
		n.host.Read(g.request)
	}
	clear(n.gathered)
}

// ageReads lets those groups be late whose answers do not come soon, and says when the next
// is.
func (n *Node[S, C, R]) ageReads() (due time.Duration, any bool) {
	if len(n.young) == 0 {
		return 0, false
	}
	now := n.clock.sinceStart()
	old := 0
	for ; old < len(n.young); old++ {
		switch g := n.young[old]; {
		case n.asked[g.request.Token] != g: // it has its answer
		case now < g.taken+patience:
			n.young = slices.Delete(n.young, 0, old)
			return g.taken + patience, true
		default:
			g.beLate()
		}
	}
	clear(n.young)
	n.young = n.young[:0]
	return 0, false
}

func (n *Node[S, C, R]) releaseReads(token uint64) {
	if g := n.asked[token]; g != nil {
		delete(n.asked, token)
		n.readers.let(g, nil)
	}
}

// leaveRead takes a caller out of a group, and gives the group's question up if nobody else
// waits for it.
func (n *Node[S, C, R]) leaveRead(g *readGroup) {
	last := n.readers.leave(g)
	if token := g.request.Token; last && n.asked[token] == g {
		delete(n.asked, token)
		n.host.CancelRead(token)
	}
}

// failAsking answers the reads that only a leader could let go, once none will.
func (n *Node[S, C, R]) failAsking(reason error) {
	for token, g := range n.asked {
		if g.mustAsk() {
			delete(n.asked, token)
			n.host.CancelRead(token)
			n.readers.let(g, outcome(reading, true, reason))
		}
	}
}

// failReads answers all reads that wait, at the end, and those that are still to come.
func (n *Node[S, C, R]) failReads(reason error) {
	for _, g := range n.readers.close(ErrClosed) {
		n.readers.let(g, outcome(reading, true, reason))
	}
	for token, g := range n.asked {
		delete(n.asked, token)
		n.readers.let(g, outcome(reading, true, reason))
	}
}
