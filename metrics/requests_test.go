package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/metrics"
	"github.com/prometheus/client_golang/prometheus"
)

// requestCounts are the requests that were counted, by face, operation and result.
func requestCounts(t *testing.T, r *metrics.Requests) map[string]uint64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			counts[strings.Join(labels, ", ")] = m.GetHistogram().GetSampleCount()
		}
	}
	return counts
}

func TestRequestsAreCountedByRouteAndResult(t *testing.T) {
	r := metrics.NewRequests()
	answers := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		status := http.StatusOK
		fmt.Sscan(q.URL.Query().Get("status"), &status)
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
	})
	h := r.Handler(answers, "/kv/", "/txn")
	for range 2 {
		for _, q := range []struct{ method, target string }{
			{"PUT", "/kv/a"}, {"PUT", "/kv/b"}, {"GET", "/kv/"}, {"GET", "/kv/a?status=404"}, {"POST", "/txn?status=503"},
			{"POST", "/txn/below"}, {"BREW", "/pot"}, {"GET", "/" + strings.Repeat("x", 1000)},
		} {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(q.method, q.target, nil))
		}
	}
	r.Observe("redis", "set", "ok", time.Millisecond)
	want := map[string]uint64{
		"http, PUT /kv/, ok": 4, "http, GET /kv/, ok": 2, "http, GET /kv/, refused": 2, "http, POST /txn, failed": 2,
		"http, POST other, ok": 2, "http, other other, ok": 2, "http, GET other, ok": 2, "redis, set, ok": 1,
	}
	if got := requestCounts(t, r); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted\n%v, want\n%v", got, want)
	}
}
