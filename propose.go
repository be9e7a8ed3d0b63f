package balsa

import (
	"context"
	"iter"
)

const proposing = "propose"

// Propose replicates a command and returns what Apply returned for it, once a majority
// has it on disk and this member has applied it. Any goroutine may call it, on any
// member. However often the library has to send the command, it is applied once.
//
// It waits as long as ctx lets it. Errors, besides those of ctx: ErrNotCommitted, with
// ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrSessionExpired, ErrNoSpace or ErrClosed
// under it where they are the reason; ErrUnknown if the command had left this member
// when ctx or the node ended.
func (n *Node[S, C, R]) Propose(ctx context.Context, command C) (R, error) {
	var none R
	c, err := n.submit(ctx, command)
	if err != nil {
		return none, err
	}
	return n.await(ctx, c)
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
			return yield(r, err) && err == nil
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
				yield(none, err)
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

// submit encodes a command and puts it where the loop takes it from.
func (n *Node[S, C, R]) submit(ctx context.Context, command C) (*call[R], error) {
	scratch := n.scratch.Get().(*[]byte)
	defer n.scratch.Put(scratch)
	data, err := n.machine.commands.Append((*scratch)[:0], command)
	if err != nil {
		return nil, outcome(proposing, true, err)
	}
	*scratch = data
	if len(data) > n.cfg.MaxCommand {
		*scratch = nil
		return nil, outcome(proposing, true, &TooLargeError{len(data), n.cfg.MaxCommand})
	}
	c, wake, err := n.calls.submit(ctx, data)
	if wake {
		n.mail.wakeUp()
	}
	return c, err
}

// await waits for the answer. If ctx ends first it asks the loop to withdraw the
// command, which knows whether it has left, and waits for that answer instead.
func (n *Node[S, C, R]) await(ctx context.Context, c *call[R]) (R, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		n.mail.withdraw(c.seq, context.Cause(ctx))
		<-c.done
	}
	result, err := c.result, c.err
	n.calls.release(c)
	return result, err
}

// abandon withdraws a command whose answer nobody waits for any more.
func (n *Node[S, C, R]) abandon(c *call[R]) {
	n.mail.withdraw(c.seq, context.Canceled)
	<-c.done
	n.calls.release(c)
}
