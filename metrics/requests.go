package metrics

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts and times what callers ask of a member's faces. Which labels there are does
// not depend on callers: routes and commands are those that the faces know. It is a
// prometheus.Collector; any goroutine may use it.
type Requests struct {
	desc   *prometheus.Desc
	mu     sync.RWMutex
	series map[series]*histogram
}

// series is what one histogram is of.
type series struct{ face, operation, result string }

// NewRequests makes the metrics of a member's faces.
func NewRequests() *Requests {
	return &Requests{
		series: map[series]*histogram{},
		desc:   describe("request_seconds", "How long requests of callers took, by face, route or command, and result.", "face", "operation", "result"),
	}
}

// Observe takes note of a request. operation must be one of few, whatever callers send.
func (r *Requests) Observe(face, operation, result string, took time.Duration) {
	key := series{face, operation, result}
	r.mu.RLock()
	h := r.series[key]
	r.mu.RUnlock()
	if h == nil {
		r.mu.Lock()
		if h = r.series[key]; h == nil {
			h = newHistogram(r.desc, times, face, operation, result)
			r.series[key] = h
		}
		r.mu.Unlock()
	}
	h.observe(took, 1)
}

// Describe implements prometheus.Collector.
func (r *Requests) Describe(out chan<- *prometheus.Desc) { out <- r.desc }

// Collect implements prometheus.Collector.
func (r *Requests) Collect(out chan<- prometheus.Metric) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, h := range r.series {
		h.Collect(out)
	}
}

// Handler is h, whose requests are observed by the routes, the first that fits: a path, or one
// with a slash at its end and all below it. What fits none is other. A request that goes on for as long as its caller
// likes, such as a watch, counts when it ends.
func (r *Requests) Handler(h http.Handler, routes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		began := time.Now()
		noted := &statusNoting{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			r.Observe("http", method(q.Method)+" "+routeOf(q.URL.Path, routes), resultOf(noted.status), time.Since(began))
		}()
		h.ServeHTTP(noted, q)
	})
}

func routeOf(path string, routes []string) string {
	for _, route := range routes {
		if path == route || strings.HasSuffix(route, "/") && strings.HasPrefix(path, route) {
			return route
		}
	}
	return other
}

// method is a request's, if it is one of those that there are.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodPatch:
		return m
	}
	return other
}

// resultOf is what a status says: ok, refused for what the caller sent or what there is, or
// failed for the member's own reasons.
func resultOf(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return "failed"
	case status >= http.StatusBadRequest:
		return "refused"
	}
	return "ok"
}

// statusNoting notes the status of an answer.
type statusNoting struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (n *statusNoting) WriteHeader(status int) {
	if !n.wrote && status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		n.status, n.wrote = status, true
	}
	n.ResponseWriter.WriteHeader(status)
}

// Flush implements http.Flusher.
func (n *statusNoting) Flush() { _ = http.NewResponseController(n.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (n *statusNoting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
