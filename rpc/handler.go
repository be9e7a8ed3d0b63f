package rpc

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/codec"
	"github.com/balsaraft/balsa/rpc/balsav1"
	"github.com/balsaraft/balsa/unread"
)

// maxRequest bounds a request: the largest command that a Config allows, and what is
// around it.
const maxRequest = 32<<20 + 64<<10

// Handler makes the service of a member: the path under which it answers, and the
// handler. Options are those of any connect handler, such as interceptors. It uses the
// node until the node is closed, and answers balsa.ErrClosed from then on.
func Handler[S balsa.StateMachine[C, R], C, R any](node *balsa.Node[S, C, R], options ...connect.HandlerOption) (path string, handler http.Handler) {
	s := &service[S, C, R]{node: node, pulse: pulse, answers: unread.New(unread.DefaultMost)}
	var err error
	if s.commands, err = codec.For[C](); err == nil {
		s.results, err = codec.For[R]()
	}
	if err != nil {
		// balsa.Open has made the same two, or there were no node.
		panic(fmt.Sprintf("rpc: the codec of an open node: %v", err))
	}
	s.standing.node = node
	path, handler = balsav1.NewClusterHandler(s, append([]connect.HandlerOption{connect.WithReadMaxBytes(maxRequest)}, options...)...)
	return path, counting(handler)
}

// Protocols are what a server without TLS must speak so that gRPC reaches the handler:
// HTTP/1.1, and HTTP/2 in the clear. With TLS a server speaks both by itself.
func Protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// service implements balsav1.ClusterHandler. Any goroutine may call it.
type service[S balsa.StateMachine[C, R], C, R any] struct {
	node     *balsa.Node[S, C, R]
	commands codec.Codec[C]
	results  codec.Codec[R]
	standing standing
	pulse    time.Duration   // between signs of life on a stream
	answers  *unread.Answers // where no server around this handler counts them
}

// within bounds how long the member may try, if the caller has said so.
func within(ctx context.Context, waitMS uint32) (context.Context, context.CancelFunc) {
	if waitMS == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(waitMS)*time.Millisecond)
}

// fail is an error for the caller.
func (s *service[S, C, R]) fail(err error) error {
	return balsav1.NewError(err, s.standing.now())
}

// badRequest is what the caller is told of a request that makes no sense.
func (s *service[S, C, R]) badRequest(format string, args ...any) error {
	return s.fail(fmt.Errorf("%w: %w: %w", balsa.ErrNotCommitted, balsa.ErrConfig, fmt.Errorf(format, args...)))
}
