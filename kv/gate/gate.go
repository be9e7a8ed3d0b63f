package gate

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// Guard is the option of the handler of a store's service. It bounds what one handler takes,
// too: no request is larger than a command needs, and there are 1000 streams at most.
func Guard(store kv.Store) connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithInterceptors(gate{store, make(chan struct{}, maxStreams)}),
		connect.WithReadMaxBytes(maxRequest),
	)
}

const (
	maxStreams = 1000
	// maxRequest is the largest command, in base64 as JSON has it, and what is around it.
	maxRequest = (kv.MaxCommand+2)/3*4 + 64<<10
)

type gate struct {
	store   kv.Store
	streams chan struct{} // holds one for each
}

// WrapUnary implements connect.Interceptor.
func (g gate) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, q connect.AnyRequest) (connect.AnyResponse, error) {
		if err := g.ask(ctx, q.Spec().Procedure, q.Any()); err != nil {
			return nil, refusal(err)
		}
		return next(ctx, q)
	}
}

// WrapStreamingHandler implements connect.Interceptor. A stream ends with its caller's
// right: what is sent, signs of life included, asks for it again.
func (g gate) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		guarded := &guardedConn{
			StreamingHandlerConn: conn,
			may:                  func() error { return g.ask(ctx, conn.Spec().Procedure, nil) },
			show: func(m *balsav1.WatchResponse) (*balsav1.WatchResponse, error) {
				return visible(ctx, g.store, access.CallerIn(ctx), m)
			},
		}
		if err := guarded.may(); err != nil {
			return refusal(err)
		}
		select {
		case g.streams <- struct{}{}:
			defer func() { <-g.streams }()
		default:
			return balsav1.NewError(fmt.Errorf("%w: this member serves %d streams already; end one, or ask another member", balsa.ErrOverloaded, cap(g.streams)), nil)
		}
		err := next(ctx, guarded)
		if err != nil {
			if lost := guarded.may(); lost != nil {
				return refusal(lost)
			}
		}
		return err
	}
}

// WrapStreamingClient implements connect.Interceptor; a handler has no use for it.
func (g gate) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// guardedConn is a stream whose caller's right is asked for with each message, and which
// shows what that right is to.
type guardedConn struct {
	connect.StreamingHandlerConn
	may  func() error
	show func(*balsav1.WatchResponse) (*balsav1.WatchResponse, error)
}

func (c *guardedConn) Send(message any) error {
	if err := c.may(); err != nil {
		return err
	}
	if m, ok := message.(*balsav1.WatchResponse); ok {
		shown, err := c.show(m)
		if err != nil || shown == nil {
			return err
		}
		message = shown
	}
	return c.StreamingHandlerConn.Send(message)
}

// ask says whether the caller may have a request carried out.
func (g gate) ask(ctx context.Context, procedure string, request any) error {
	caller := access.CallerIn(ctx)
	if caller.NeedAll(everything) == nil {
		return nil // it need not be looked at
	}
	rule, known := rules[procedure]
	if !known {
		return caller.NeedAll(everything)
	}
	return rule(ctx, g.store, caller, request)
}

// refusal is an error as the caller gets it.
func refusal(err error) error {
	switch {
	case errors.Is(err, access.ErrForbidden):
		return connect.NewError(connect.CodePermissionDenied, err)
	case errors.Is(err, kv.ErrMalformed), errors.Is(err, kv.ErrLimit):
		return connect.NewError(connect.CodeInvalidArgument, err)
	}
	return notAsked(err)
}

// notAsked is an error of the store that was asked for the keys of a lease: the member
// could not say whether the caller may, so that nothing was proposed.
func notAsked(err error) error {
	if !errors.Is(err, balsa.ErrNotCommitted) {
		err = errors.Join(balsa.ErrNotCommitted, err)
	}
	return balsav1.NewError(err, (*balsav1.Standing)(nil))
}
