package client

import (
	"context"

	"connectrpc.com/connect"
)

// bearer says with each call who makes it (RFC 6750).
type bearer string

func (b bearer) header() string { return "Bearer " + string(b) }

// WrapUnary implements connect.Interceptor.
func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, q connect.AnyRequest) (connect.AnyResponse, error) {
		q.Header().Set("Authorization", b.header())
		return next(ctx, q)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		conn.RequestHeader().Set("Authorization", b.header())
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor; a caller has no use for it.
func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
