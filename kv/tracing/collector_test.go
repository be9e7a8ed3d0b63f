package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	collectors "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var _ otlptrace.Client = (*collector)(nil)

// transport is a function that answers requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func answer(status int, body string, headers ...string) *http.Response {
	w := httptest.NewRecorder()
	for i := 0; i < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_, _ = w.WriteString(body)
	return w.Result()
}

var someSpans = []*spans.ResourceSpans{{ScopeSpans: []*spans.ScopeSpans{{Spans: []*spans.Span{{Name: "kv.propose"}}}}}}

// environment is one in which traces go to an endpoint.
func environment(t *testing.T, more ...string) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
	for i := 0; i < len(more); i += 2 {
		t.Setenv(more[i], more[i+1])
	}
}

func mustRead(t *testing.T) settings {
	t.Helper()
	s, ok, err := readSettings()
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	return s
}

func TestNothingIsTracedWhereTheEnvironmentSaysNothing(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "not looked at")
	if tracer, err := Open(t.Context(), "a"); tracer != nil || err != nil {
		t.Errorf("%v, %v", tracer, err)
	}
}

func TestSpansGoWhereTheEnvironmentSays(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"one address for all":               {nil, "http://127.0.0.1:4318/v1/traces"},
		"with a path":                       {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/otlp/"}, "https://c.example/otlp/v1/traces"},
		"one for traces is taken as it is":  {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.2:99/in"}, "http://127.0.0.2:99/in"},
		"one for traces may have no path":   {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.2:99"}, "http://127.0.0.2:99/"},
		"what stands around it is left out": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT", " http://127.0.0.1:4318 "}, "http://127.0.0.1:4318/v1/traces"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, c.env...)
			if s := mustRead(t); s.url != c.want {
				t.Errorf("%s, want %s", s.url, c.want)
			}
		})
	}
}

func TestACollectorGetsSpansAsTheEnvironmentSays(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		b, err := io.ReadAll(body)
		var got collectors.ExportTraceServiceRequest
		if err = errors.Join(err, proto.Unmarshal(b, &got)); err != nil || got.ResourceSpans[0].ScopeSpans[0].Spans[0].Name != "kv.propose" {
			t.Errorf("%v, %v", &got, err)
		}
		for name, want := range map[string]string{"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "Api-Key": "a b", "X": "1"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}))
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	environment(t, "OTEL_EXPORTER_OTLP_ENDPOINT", server.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE", authority,
		"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = 1", "OTEL_EXPORTER_OTLP_TIMEOUT", "20000")
	s := mustRead(t)
	c := newCollector(s)
	if err := c.UploadTraces(t.Context(), someSpans); err != nil {
		t.Error(err)
	}
	if s.timeout != 20*time.Second {
		t.Errorf("a try may take %s", s.timeout)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASettingThatMakesNoSenseIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ value, want string }{
		"OTEL_EXPORTER_OTLP_ENDPOINT":           {"127.0.0.1:4318", "http://HOST:PORT"},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":    {"unix:///socket", "http://HOST:PORT"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":           {"grpc", "http/protobuf"},
		"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": {"zstd", "gzip or none"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":            {"10s", "milliseconds"},
		"OTEL_EXPORTER_OTLP_HEADERS":            {"secret", "NAME=VALUE"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE":        {empty, "no certificate"},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": {empty, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, name, c.value)
			tracer, err := Open(t.Context(), "a")
			if tracer != nil || err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q and %q", err, name, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

// The specification says what may be tried again, and that a collector may say when.
func TestSpansAreSentAgainUntilTheyAreTakenOrRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answers []*http.Response // nil is a connection that breaks
		took    time.Duration
		want    string
	}{
		"at once":                 {[]*http.Response{answer(200, "")}, 0, ""},
		"after a broken one":      {[]*http.Response{nil, answer(200, "")}, time.Second, ""},
		"after three refusals":    {[]*http.Response{answer(502, ""), answer(503, ""), answer(504, ""), answer(202, "")}, 7 * time.Second, ""},
		"when the collector says": {[]*http.Response{answer(429, "", "Retry-After", "20"), answer(200, "")}, 20 * time.Second, ""},
		"not when it is no use":   {[]*http.Response{answer(403, "no such key")}, 0, "403 Forbidden: no such key"},
		"until there is no time":  {[]*http.Response{answer(503, "too much to do", "Retry-After", "600")}, 30 * time.Second, "too much to do"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t)
			s := mustRead(t)
			synctest.Test(t, func(t *testing.T) {
				collector := newCollector(s)
				tries := 0
				collector.Transport = transport(func(r *http.Request) (*http.Response, error) {
					if b, err := io.ReadAll(r.Body); err != nil || len(b) == 0 {
						t.Errorf("try %d sends %d bytes, %v", tries, len(b), err)
					}
					next := c.answers[tries]
					tries++
					if next == nil {
						return nil, io.ErrUnexpectedEOF
					}
					return next, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				err := collector.UploadTraces(ctx, someSpans)
				if err != nil && c.want == "" || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v, want %q", err, c.want)
				}
				if took := time.Since(began); took != c.took || tries != len(c.answers) {
					t.Errorf("it took %s and %d tries, want %s and %d", took, tries, c.took, len(c.answers))
				}
			})
		})
	}
}

func TestACollectorThatClosesWaitsForNothing(t *testing.T) {
	environment(t)
	s := mustRead(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(s)
		c.Transport = transport(func(*http.Request) (*http.Response, error) { return answer(503, ""), nil })
		time.AfterFunc(1500*time.Millisecond, func() { _ = c.Stop(t.Context()) })
		began := time.Now()
		if err := c.UploadTraces(t.Context(), someSpans); err == nil || time.Since(began) != 1500*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestSpansThatWereNotTakenAreTold(t *testing.T) {
	encode := func(p *collectors.ExportTracePartialSuccess) []byte {
		b, err := proto.Marshal(&collectors.ExportTraceServiceResponse{PartialSuccess: p})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := rejected("c", encode(nil)); err != nil {
		t.Errorf("all were taken: %v", err)
	}
	if err := rejected("c", encode(&collectors.ExportTracePartialSuccess{RejectedSpans: 7, ErrorMessage: "too old"})); err == nil || err.Error() != "c has not taken 7 spans: too old" {
		t.Error(err)
	}
	for _, nonsense := range [][]byte{{0xff}, []byte("<html>"), bytes.Repeat([]byte{10}, 5)} {
		if err := rejected("c", nonsense); err != nil {
			t.Errorf("%q says %v", nonsense, err)
		}
	}
}
