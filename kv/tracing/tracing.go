// Package tracing follows requests of the key-value service through a member, as spans of
// OpenTelemetry.
//
// A caller's trace context comes with its HTTP request (W3C Trace Context, the header
// traceparent). The span of the request is the parent of one for each command, kv.propose,
// and below that stand the stages of its batch as this member saw them: waited, ordered,
// committed, applied, and persisted beside committed. The context stays on the member that
// was asked: nothing of it is in the log, so that state machines and other members see the
// same commands with and without it.
package tracing

import (
	"context"
	"fmt"
	"time"

	"github.com/balsaraft/balsa"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Tracer follows the requests of one member. The nil one follows none, at no cost. Any
// goroutine may use it.
type Tracer struct {
	provider *trace.TracerProvider
	tracer   api.Tracer
	carrier  propagation.TraceContext
	followed followed
}

// Open makes a Tracer that sends spans over OTLP/HTTP to where the environment says, as
// OpenTelemetry specifies: OTEL_EXPORTER_OTLP_ENDPOINT and the rest, OTEL_TRACES_SAMPLER
// among them. It is nil if the environment says nothing.
func Open(ctx context.Context, member string) (*Tracer, error) {
	s, wanted, err := readSettings()
	if err != nil {
		return nil, fmt.Errorf("send traces as the environment says: %w", err)
	}
	if !wanted {
		return nil, nil
	}
	exporter, err := otlptrace.New(ctx, newCollector(s))
	if err != nil {
		return nil, fmt.Errorf("send traces to %s: %w", s.url, err)
	}
	return newTracer(ctx, member, trace.WithBatcher(exporter))
}

func newTracer(ctx context.Context, member string, into trace.TracerProviderOption) (*Tracer, error) {
	who, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "balsa"), attribute.String("balsa.member", member)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("say in traces who this is: %w", err)
	}
	provider := trace.NewTracerProvider(into, trace.WithResource(who))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/balsaraft/balsa")}, nil
}

// Close sends what is still to be sent, as long as ctx lets it.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Meter hears of the stages of proposals; it goes into the member's configuration.
func (t *Tracer) Meter() balsa.Meter {
	if t == nil {
		return balsa.Meter{}
	}
	return balsa.Meter{Proposed: t.proposed}
}

// proposed gives the stages of a batch to those commands in it that are followed.
func (t *Tracer) proposed(s balsa.Stages) {
	for _, c := range t.followed.take(s) {
		t.tell(c, s, time.Now())
	}
}

// tell makes the spans of the stages, which end now.
func (t *Tracer) tell(c command, s balsa.Stages, now time.Time) {
	ctx := api.ContextWithSpanContext(context.Background(), c.span)
	committed := now.Add(-s.Applied)
	ordered := committed.Add(-s.Committed)
	left := ordered.Add(-s.Ordered)
	for _, stage := range []struct {
		name     string
		from, to time.Time
	}{
		{"waited", left.Add(-s.Waited), left}, {"ordered", left, ordered}, {"committed", ordered, committed},
		{"persisted", ordered, ordered.Add(s.Persisted)}, {"applied", committed, now},
	} {
		if stage.name == "persisted" && s.Persisted == 0 {
			continue // the answer came first
		}
		_, span := t.tracer.Start(ctx, stage.name, api.WithTimestamp(stage.from), api.WithAttributes(attribute.Int("balsa.batch", s.Commands)))
		span.End(api.WithTimestamp(stage.to))
	}
}
