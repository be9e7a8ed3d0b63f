package tracing

import (
	"context"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	api "go.opentelemetry.io/otel/trace"
)

// Store is s with a span for each command, and for the wait of each read. What DoAll
// pipelines has none.
func (t *Tracer) Store(s kv.Store) kv.Store {
	if t == nil {
		return s
	}
	return store{s, t}
}

type store struct {
	kv.Store
	t *Tracer
}

func (s store) Put(ctx context.Context, key string, value []byte, conditions ...kv.Condition) (i balsa.Index, err error) {
	ctx, end := s.t.propose(ctx)
	defer func() { end(i, err) }()
	return s.Store.Put(ctx, key, value, conditions...)
}

func (s store) Delete(ctx context.Context, key string, conditions ...kv.Condition) (i balsa.Index, err error) {
	ctx, end := s.t.propose(ctx)
	defer func() { end(i, err) }()
	return s.Store.Delete(ctx, key, conditions...)
}

func (s store) Do(ctx context.Context, c kv.Command) (r kv.Result, err error) {
	ctx, end := s.t.propose(ctx)
	defer func() { end(r.Index, err) }()
	return s.Store.Do(ctx, c)
}

func (s store) View(ctx context.Context, options ...balsa.ReadOption) (v *kv.View, err error) {
	ctx, span := s.t.tracer.Start(ctx, "kv.read")
	defer func() { finish(span, err) }()
	return s.Store.View(ctx, options...)
}

// propose begins the span of a command, and returns how it ends. A command whose trace is
// not sampled is not followed.
func (t *Tracer) propose(ctx context.Context) (context.Context, func(balsa.Index, error)) {
	ctx, span := t.tracer.Start(ctx, "kv.propose")
	return ctx, func(i balsa.Index, err error) {
		if i > 0 && span.IsRecording() {
			span.SetAttributes(attribute.Int64("balsa.index", int64(i)))
			c := command{i, span.SpanContext()}
			if s, known := t.followed.add(c); known {
				t.tell(c, s, time.Now())
			}
		}
		finish(span, err)
	}
}

func finish(span api.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
