package main

import (
	nethttp "net/http"
	"net/http/pprof"

	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	metricsPath = "/metrics"
	pprofPath   = "/debug/pprof/"
)

// observed are the services by which machines look at a member: its metrics, for every
// caller that is known, as none of them shows a key, and profiles, for who may change the
// cluster: they show what is in memory, and cost time.
func observed(m *metrics.Metrics, requests *metrics.Requests) map[string]nethttp.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	scrape := promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: 4,
	}))
	return map[string]nethttp.Handler{metricsPath: only(metricsPath, scrape), pprofPath: forAdmins(profiles())}
}

// only serves one path, and not what lies under it.
func only(path string, h nethttp.Handler) nethttp.Handler {
	mux := nethttp.NewServeMux()
	mux.Handle("GET "+path, h)
	return mux
}

func profiles() nethttp.Handler {
	mux := nethttp.NewServeMux()
	mux.HandleFunc(pprofPath, pprof.Index)
	mux.HandleFunc(pprofPath+"cmdline", pprof.Cmdline)
	mux.HandleFunc(pprofPath+"profile", pprof.Profile)
	mux.HandleFunc(pprofPath+"trace", pprof.Trace)
	mux.HandleFunc(pprofPath+"symbol", pprof.Symbol)
	return mux
}

// forAdmins serves who may change the cluster.
func forAdmins(h nethttp.Handler) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if err := access.CallerIn(r.Context()).NeedAll(access.Admin); err != nil {
			nethttp.Error(w, err.Error(), nethttp.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
