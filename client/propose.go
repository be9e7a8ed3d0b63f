package client

import (
	"context"
	"fmt"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

const proposing = "propose"

// maxCommand is the most that any member takes.
const maxCommand = 32 << 20

// Propose replicates a command and returns what Apply returned for it, once a majority
// has it on disk. However often the client has to send it, and to whom, it is applied
// once.
//
// It tries as long as ctx lets it. Errors: balsa.ErrNotCommitted if no attempt can have
// had an effect, with balsa.ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrNoSpace, ErrClosed
// and others under it as for Node.Propose; balsa.ErrUnknown if ctx ended before anybody
// had said so.
func (c *Client[C, R]) Propose(ctx context.Context, command C) (R, error) {
	var none R
	data, err := c.commands.Append(nil, command)
	if err != nil {
		return none, failure(proposing, balsa.ErrNotCommitted, err)
	}
	if len(data) > maxCommand {
		return none, failure(proposing, balsa.ErrNotCommitted, &balsa.TooLargeError{Size: len(data), Limit: maxCommand})
	}
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return none, failure(proposing, balsa.ErrNotCommitted, err)
	}
	defer end()
	for {
		n, err := c.number(ctx)
		if err != nil {
			return none, err
		}
		result, err := c.propose(ctx, n, data)
		c.sessions.give(n)
		if err != nil && expired(err) {
			c.sessions.forget(n.of)
			continue
		}
		if err != nil {
			return none, err
		}
		return c.decode(result)
	}
}

// propose tries until somebody has the result of a numbered command.
func (c *Client[C, R]) propose(ctx context.Context, n number, data []byte) (result []byte, err error) {
	err = c.targets.try(ctx, try{did: proposing, ask: func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		r, err := stub.Propose(ctx, &balsav1.ProposeRequest{Command: data, Session: n.of.id, Seq: n.seq, Low: n.low, WaitMs: waitMS})
		result = r.GetResult()
		return r.GetStanding(), err
	}})
	return result, err
}

func (c *Client[C, R]) decode(data []byte) (R, error) {
	result, err := c.results.Decode(data)
	if err != nil {
		return result, failure(proposing, balsa.ErrUnknown, balsa.ErrResultLost, fmt.Errorf("the result is not understood; is it of another type? %w", err))
	}
	return result, nil
}
