package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// silence is how long a stream may be without a sign of life, of which a member sends one
// each second.
const silence = 5 * time.Second

// Committed yields the commands that were applied, from index from on, in order and each
// once, and goes on with those to come, at whichever member, until ctx ends or the loop
// does. To resume, ask for the index after the last one seen. It ends with an error: that
// of ctx, balsa.ErrCompacted if no log of a member that is there reaches back to from any more,
// balsa.ErrClosed once the client is closed, or that of a command of another type.
func (c *Client[C, R]) Committed(ctx context.Context, from balsa.Index) iter.Seq2[balsa.Committed[C], error] {
	return func(yield func(balsa.Committed[C], error) bool) {
		ctx, end, err := c.begin(ctx)
		if err != nil {
			yield(balsa.Committed[C]{}, failure(watching, err))
			return
		}
		defer end()
		w := watch[C, R]{client: c, next: max(from, 1), compacted: map[*target]bool{}, strangers: map[*target]bool{}, yield: yield}
		if err := w.follow(ctx); err != nil {
			yield(balsa.Committed[C]{}, err)
		}
	}
}

const watching = "watch"

// watch is one loop over Committed.
type watch[C, R any] struct {
	client    *Client[C, R]
	next      balsa.Index
	compacted map[*target]bool // whose logs do not reach back to next
	strangers map[*target]bool // who do not trust the caller, or the other way round
	stopped   bool             // the loop has ended
	yield     func(balsa.Committed[C], error) bool
}

// follow goes from member to member.
func (w *watch[C, R]) follow(ctx context.Context) error {
	t := w.client.targets
	avoid := w.compacted
	for n := 0; ; n++ {
		t.resolve(ctx, false)
		x := t.pick(toAny, avoid)
		if x != nil {
			before := w.next
			err := w.stream(ctx, x)
			switch {
			case w.stopped:
				return nil
			case ctx.Err() != nil:
				return context.Cause(ctx)
			}
			if err := w.judge(ctx, x, err); err != nil {
				return failure(watching, err)
			}
			if w.next > before {
				n = 0
			}
			avoid = with(w.compacted, x)
		}
		if err := pause(ctx, n, x == nil || t.single()); err != nil {
			return err
		}
	}
}

// judge notes why a stream has ended. Its error is one that no other member would mend.
func (w *watch[C, R]) judge(ctx context.Context, x *target, err error) error {
	var alien *alienError
	if errors.As(err, &alien) {
		return err
	}
	f := x.whyRefused(ctx, examine(err))
	if f.untrusted {
		w.strangers[x] = true
		f.final = w.client.targets.allIn(w.strangers)
	}
	if !errors.Is(f.reason, balsa.ErrCompacted) {
		w.client.targets.failed(x, f.standing, f.network)
		if f.final {
			return f.reason
		}
		return nil
	}
	w.compacted[x] = true
	if w.client.targets.more(w.compacted) {
		return nil
	}
	return f.reason
}

// stream follows one member, for as long as it says something.
func (w *watch[C, R]) stream(ctx context.Context, x *target) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	stream, err := x.stub.Watch(ctx, &balsav1.WatchRequest{From: uint64(w.next)})
	if err != nil {
		return err
	}
	defer stream.Close()
	for stream.Receive() {
		// The loop's body takes as long as it likes; that is not the member's silence.
		quiet.Stop()
		if err := w.take(x, stream.Msg()); err != nil || w.stopped {
			return err
		}
		quiet.Reset(silence)
	}
	if err := stream.Err(); err != nil {
		return err
	}
	return connect.NewError(connect.CodeUnavailable, errors.New("the stream has ended"))
}

// take yields one command.
func (w *watch[C, R]) take(x *target, m *balsav1.WatchResponse) error {
	if m.GetIndex() == 0 {
		w.client.targets.answered(x, m.GetStanding())
		return nil
	}
	index := balsa.Index(m.GetIndex())
	if index < w.next {
		return nil
	}
	command, err := w.client.commands.Decode(m.GetCommand())
	if err != nil {
		return &alienError{fmt.Errorf("the command at entry %d is not understood; is it of another type? %w", index, err)}
	}
	w.next = index + 1
	clear(w.compacted)
	e := balsa.Entry{Index: index, Term: balsa.Term(m.GetTerm()), Time: time.Unix(0, m.GetTime()), Seed: m.GetSeed()}
	w.stopped = !w.yield(balsa.Committed[C]{Entry: e, Command: command}, nil)
	return nil
}

// alienError is an entry that this client cannot read, from whichever member.
type alienError struct{ err error }

func (e *alienError) Error() string { return e.err.Error() }
func (e *alienError) Unwrap() error { return e.err }
