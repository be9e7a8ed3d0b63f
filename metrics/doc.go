// Package metrics is what a member tells Prometheus.
//
//	m := metrics.New()
//	cfg.Meter = m.Meter()               // durations and counts, as they come
//	node, err := balsa.Open(ctx, cfg, machine)
//	m.Watch(node)                       // the rest, looked up at each scrape
//	registry.MustRegister(m)
//
// docs/metrics.md lists every name with its unit, and what to watch. Names start with
// balsa_, times are seconds, sizes bytes. A histogram of proposals counts proposals, though
// the member measures batches: each counts with the time of the first in its batch, so that
// what is shown is never shorter than what a caller saw of these stages.
package metrics
