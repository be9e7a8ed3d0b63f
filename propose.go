package balsa

import (
	"context"
	"iter"
	"time"

	"github.com/balsaraft/balsa/wire"
)

const proposing = "propose"

// callPatience is how old a call becomes, at the least, before it is late. At twice that
// all are.
const callPatience = 10 * time.Millisecond

// Propose replicates a command and returns what Apply returned for it, once a majority
// has it on disk and this member has applied it. Any goroutine may call it, on any
// member. However often the library has to send the command, it is applied once.
//
// It waits as long as ctx lets it, and up to 20 ms longer. Errors, besides those of ctx: ErrNotCommitted, with
// ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrClusterVersion, ErrSessionExpired, ErrNoSpace
// or ErrClosed under it where they are the reason; ErrUnknown if the command had left this member
// when ctx or the node ended.
func (n *Node[S, C, R]) Propose(ctx context.Context, command C) (R, error) {
	var none R
	c, err := n.submit(ctx, command)
	if err != nil {
		return none, n.cfg.Meter.refused(err)
	}
	r, err := n.await(ctx, c)
	return r, n.cfg.Meter.refused(err)
}

// ProposeAll proposes commands one after the other without waiting for the one before,
// and yields their results in order. It stops at the first error, or when the loop
// does; commands that were sent by then may still be applied.
func (n *Node[S, C, R]) ProposeAll(ctx context.Context, commands iter.Seq[C]) iter.Seq2[R, error] {
	const window = 1024 // enough for several batches on the way
	return func(yield func(R, error) bool) {
		var sent []*call[R]
		defer func() {
			for _, c := range sent {
				n.abandon(c)
			}
		}()
		answer := func() bool {
			c := sent[0]
			sent = sent[1:]
			r, err := n.await(ctx, c)
			return yield(r, n.cfg.Meter.refused(err)) && err == nil
		}
		for command := range commands {
			c, err := n.submit(ctx, command)
			if err != nil {
				for len(sent) > 0 {
					if !answer() {
						return
					}
				}
				var none R
				yield(none, n.cfg.Meter.refused(err))
				return
			}
			sent = append(sent, c)
			if len(sent) >= window && !answer() {
				return
			}
		}
		for len(sent) > 0 {
			if !answer() {
				return
			}
		}
	}
}

// submit encodes a command and puts it where the next turn takes it from.
func (n *Node[S, C, R]) submit(ctx context.Context, command C) (*call[R], error) {
	return n.submitAs(ctx, proposal{kind: wire.KindCommand}, command)
}

// submitAs is submit for a proposal that lacks nothing but the command.
func (n *Node[S, C, R]) submitAs(ctx context.Context, p proposal, command C) (*call[R], error) {
	if err := n.mayPropose(ctx, command); err != nil {
		return nil, err
	}
	scratch := n.scratch.Get().(*[]byte)
	defer n.scratch.Put(scratch)
	data, err := n.machine.commands.Append((*scratch)[:0], command)
	if err != nil {
		return nil, outcome(proposing, true, err)
	}
	if n.machine.commands.Check != nil {
		if err := n.machine.commands.Check(data); err != nil {
			return nil, outcome(proposing, true, err)
		}
	}
	*scratch = data
	if len(data) > n.cfg.MaxCommand {
		*scratch = nil
		return nil, outcome(proposing, true, &TooLargeError{len(data), n.cfg.MaxCommand})
	}
	p.body = data
	return n.hand(ctx, p)
}

// hand puts a proposal where the next turn takes it from.
func (n *Node[S, C, R]) hand(ctx context.Context, p proposal) (*call[R], error) {
	c, wake, err := n.calls.submit(ctx, p)
	if wake {
		n.advance()
	}
	return c, err
}

// await waits for the answer. If ctx ends first it withdraws the command
// and waits for that answer instead: the host knows whether it has left.
func (n *Node[S, C, R]) await(ctx context.Context, c *call[R]) (R, error) {
	if !c.await(ctx) {
		n.withdraw(c.seq, context.Cause(ctx))
		c.awaitAnyhow()
	}
	return n.answered(c)
}

// withdraw asks that a command not be sent any more, and be answered in any case.
func (n *Node[S, C, R]) withdraw(seq uint64, reason error) {
	n.mail.put(func() { n.mail.withdrawn = append(n.mail.withdrawn, withdrawal{seq, reason}) })
	n.advance()
}

// ageCalls lets those calls be late whose answers do not come soon, and says when to ask it
// again.
func (n *Node[S, C, R]) ageCalls() (due time.Duration, any bool) {
	if now := n.clock.sinceStart(); now >= n.aging {
		n.aging = 0
		if n.calls.age() {
			n.aging = now + callPatience
		}
	}
	return n.aging, n.aging > 0
}

func (n *Node[S, C, R]) answered(c *call[R]) (R, error) {
	result, err := c.result, c.err
	n.calls.release(c)
	return result, err
}

// abandon withdraws a command whose answer nobody waits for any more.
func (n *Node[S, C, R]) abandon(c *call[R]) {
	n.withdraw(c.seq, context.Canceled)
	c.awaitAnyhow()
	n.calls.release(c)
}
