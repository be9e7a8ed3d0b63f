package tracing

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	api "go.opentelemetry.io/otel/trace"
)

// Handler is h with a span for each request under one of the paths, whose parent is the
// caller's. Its name has no key in it, nor has anything else here.
func (t *Tracer) Handler(h http.Handler, paths ...string) http.Handler {
	if t == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, path := range paths {
			if strings.HasPrefix(r.URL.Path, path) {
				t.serve(h, path, w, r)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

func (t *Tracer) serve(h http.Handler, path string, w http.ResponseWriter, r *http.Request) {
	ctx := t.carrier.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, r.Method+" "+path, api.WithSpanKind(api.SpanKindServer),
		api.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", path)))
	defer span.End()
	noted := &noting{ResponseWriter: w, status: http.StatusOK}
	h.ServeHTTP(noted, r.WithContext(ctx))
	span.SetAttributes(attribute.Int("http.response.status_code", noted.status))
	if noted.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// noting notes the status of an answer.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (n *noting) Flush() { _ = http.NewResponseController(n.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
