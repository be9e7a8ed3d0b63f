package tracing

import (
	"context"

	"connectrpc.com/connect"
	api "go.opentelemetry.io/otel/trace"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// Service lets the service for callers outside (package rpc) follow commands as Store does.
// The trace context comes with the request's header, which gRPC calls metadata; Handler takes
// it from there.
func (t *Tracer) Service() connect.HandlerOption {
	if t == nil {
		return connect.WithHandlerOptions()
	}
	return connect.WithInterceptors(connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, q connect.AnyRequest) (connect.AnyResponse, error) {
			if q.Spec().Procedure != balsav1.ClusterProposeProcedure {
				return next(ctx, q)
			}
			ctx, end := t.propose(ctx)
			answer, err := next(ctx, q)
			var index balsa.Index
			if err == nil && api.SpanFromContext(ctx).IsRecording() {
				index = indexOf(answer)
			}
			end(index, err)
			return answer, err
		}
	}))
}

// indexOf is where the command of an answer stands in the log, 0 if the answer does not say.
func indexOf(answer connect.AnyResponse) balsa.Index {
	proposed, ok := answer.Any().(*balsav1.ProposeResponse)
	if !ok {
		return 0
	}
	var r kv.Result
	if r.UnmarshalBinary(proposed.GetResult()) != nil {
		return 0
	}
	return r.Index
}
