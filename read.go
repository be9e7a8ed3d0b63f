package balsa

import (
	"context"
	"fmt"
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

// readCall is a read that waits for its moment.
type readCall struct {
	request host.ReadRequest
	token   uint64 // of the group it was asked in
	done    chan error
}

// mustAsk says whether only a leader can let the read go.
func (c *readCall) mustAsk() bool {
	return c.request.Level == host.Linearizable || c.request.Level == host.LeaseRead
}

// Read calls f with the state machine while no Apply runs, as soon as the state is as
// new as asked: linearizable without options. f must not change the state or keep a
// part of it, and may run beside other reads. Any goroutine may call Read, on any
// member.
//
// Errors, besides those of ctx, Is ErrNotCommitted, with ErrNoLeader or ErrClosed
// under it where they are the reason; f has not been called then.
func (n *Node[S, C, R]) Read(ctx context.Context, f func(S), options ...ReadOption) error {
	if err := n.awaitRead(ctx, options); err != nil {
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

func (n *Node[S, C, R]) awaitRead(ctx context.Context, options []ReadOption) error {
	c := &readCall{done: make(chan error, 1)}
	for _, o := range options {
		c.request = o.request
	}
	n.mail.put(func() { n.mail.reads = append(n.mail.reads, c) })
	select {
	case err := <-c.done:
		return err
	case <-n.done:
		select {
		case err := <-c.done:
			return err
		default:
			return outcome(reading, true, ErrClosed)
		}
	case <-ctx.Done():
		var why error
		n.ask(func() { n.cancelRead(c); why = n.host.WhyNoLeader() })
		return outcome(reading, true, why, context.Cause(ctx))
	}
}

// takeReads asks the host for the reads that have come in: all that want the same with
// one question.
func (n *Node[S, C, R]) takeReads(calls []*readCall) {
	groups := map[host.ReadRequest]uint64{}
	for _, c := range calls {
		if c.mustAsk() && n.host.Removed() {
			c.done <- outcome(reading, true, ErrRemoved)
			continue
		}
		token, asked := groups[c.request]
		if !asked {
			n.token++
			token = n.token
			groups[c.request] = token
			request := c.request
			request.Token = token
			n.host.Read(request)
		}
		c.token = token
		n.readers[token] = append(n.readers[token], c)
	}
}

func (n *Node[S, C, R]) releaseReads(token uint64) {
	for _, c := range n.readers[token] {
		c.done <- nil
	}
	delete(n.readers, token)
}

// cancelRead gives one read up, and its question if nobody else waits for it.
func (n *Node[S, C, R]) cancelRead(c *readCall) {
	var kept []*readCall
	for _, other := range n.readers[c.token] {
		if other != c {
			kept = append(kept, other)
		}
	}
	if len(kept) > 0 {
		n.readers[c.token] = kept
		return
	}
	if _, waits := n.readers[c.token]; waits {
		delete(n.readers, c.token)
		n.host.CancelRead(c.token)
	}
}

// failAsking answers the reads that only a leader could let go, once none will.
func (n *Node[S, C, R]) failAsking(reason error) {
	for token, group := range n.readers {
		if !group[0].mustAsk() {
			continue
		}
		for _, c := range group {
			c.done <- outcome(reading, true, reason)
		}
		delete(n.readers, token)
		n.host.CancelRead(token)
	}
}

// failReads answers all reads that wait, at the end.
func (n *Node[S, C, R]) failReads(reason error) {
	for token, group := range n.readers {
		for _, c := range group {
			c.done <- outcome(reading, true, reason)
		}
		delete(n.readers, token)
	}
}
