package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes traces as a collector of OpenTelemetry does.
type receiver struct {
	t *testing.T
	*httptest.Server
	mu  sync.Mutex
	all map[string]*spans.Span // by name
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, all: map[string]*spans.Span{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || q.URL.Path != "/v1/traces" {
			t.Errorf("traces are sent to %s: %v", q.URL.Path, err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, from := range sent.ResourceSpans {
			for _, scope := range from.ScopeSpans {
				for _, span := range scope.Spans {
					r.all[span.Name] = span
				}
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// await waits for a span of a name.
func (r *receiver) await(name string) *spans.Span {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		span := r.all[name]
		r.mu.Unlock()
		if span != nil {
			return span
		}
		if time.Now().After(end) {
			r.t.Fatalf("no span %s has come", name)
		}
	}
}

// TestATraceGoesFromTheCallerToApply: the caller's span is the parent of the request's, and
// below that stand the proposal and each stage of its way.
func TestATraceGoesFromTheCallerToApply(t *testing.T) {
	const parent = "00-a102030405060708090a0b0c0d0e0f1b-c1020304050607c8-01"
	t.Run("http", func(t *testing.T) {
		mustTrace(t, "PUT /kv/", func(p *process) (int, string) {
			return p.fetchPut("/kv/traced", "v", "traceparent", parent)
		})
	})
	t.Run("service", func(t *testing.T) {
		command, err := kv.Do(kv.Set("traced", []byte("v"))).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		mustTrace(t, "POST /balsa.v1.Cluster/", func(p *process) (int, string) {
			return p.request(http.MethodPost, "/balsa.v1.Cluster/Propose", "", `{"command":"`+base64.StdEncoding.EncodeToString(command)+`"}`,
				[]string{"traceparent", parent, "Content-Type", "application/json"})
		})
	})
}

// mustTrace looks at the trace of a request, whose span has that name.
func mustTrace(t *testing.T, name string, ask func(*process) (int, string)) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	p := newProcess(t, "a")
	p.start().awaitReady()
	trace, caller := []byte{0xa1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x1b}, []byte{0xc1, 2, 3, 4, 5, 6, 7, 0xc8}
	stages := []string{"waited", "ordered", "committed", "applied"}
	if status, body := ask(p); status != http.StatusOK {
		t.Fatalf("the value was put with %d, %s", status, body)
	}
	request, propose := r.await(name), r.await("kv.propose")
	if !slices.Equal(request.TraceId, trace) || !slices.Equal(request.ParentSpanId, caller) {
		t.Errorf("the request is %v, want the caller's span as its parent", request)
	}
	if !slices.Equal(propose.TraceId, trace) || !slices.Equal(propose.ParentSpanId, request.SpanId) {
		t.Errorf("the proposal is %v, want the request as its parent", propose)
	}
	for _, name := range stages {
		span := r.await(name)
		if span.EndTimeUnixNano < span.StartTimeUnixNano || !slices.Equal(span.TraceId, trace) || !slices.Equal(span.ParentSpanId, propose.SpanId) {
			t.Errorf("the stage %s is %v, want the proposal as its parent", name, span)
		}
	}
}
