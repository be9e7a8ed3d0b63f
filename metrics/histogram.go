package metrics

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// histogram is one of which many observations of the same value are one call: a member
// measures batches, and proposals are what people count. Any goroutine may use it.
type histogram struct {
	desc   *prometheus.Desc
	labels []string
	bounds []float64       // upper bounds, in seconds
	counts []atomic.Uint64 // one more than bounds, the last beyond them
	nanos  atomic.Uint64
}

func newHistogram(desc *prometheus.Desc, bounds []float64, labels ...string) *histogram {
	return &histogram{desc: desc, labels: labels, bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// observe counts n observations of a duration.
func (h *histogram) observe(d time.Duration, n int) {
	d = max(d, 0)
	i, _ := slices.BinarySearch(h.bounds, d.Seconds())
	h.counts[i].Add(uint64(n))
	h.nanos.Add(uint64(d) * uint64(n))
}

// Describe and Collect implement prometheus.Collector.
func (h *histogram) Describe(out chan<- *prometheus.Desc) { out <- h.desc }

func (h *histogram) Collect(out chan<- prometheus.Metric) {
	total, below := uint64(0), make(map[float64]uint64, len(h.bounds))
	for i := range h.counts {
		total += h.counts[i].Load()
		if i < len(h.bounds) {
			below[h.bounds[i]] = total
		}
	}
	sum := float64(h.nanos.Load()) / float64(time.Second)
	out <- prometheus.MustNewConstHistogram(h.desc, total, sum, below, h.labels...)
}

// times are bounds for what takes from a fraction of a millisecond to ten seconds, three
// for each power of ten.
var times = ladder(50e-6, 10)

// longTimes are for what takes up to hours.
var longTimes = ladder(1e-3, 7200)

// ladder are bounds from one to another in steps of 1, 2.5 and 5.
func ladder(from, to float64) (bounds []float64) {
	for power := math.Floor(math.Log10(from)); ; power++ {
		for _, step := range []float64{1, 2.5, 5} {
			// Rounded, so that a bound prints as people write it.
			at := math.Round(step*math.Pow10(int(power))*1e6) / 1e6
			if at > to {
				return bounds
			}
			if at >= from {
				bounds = append(bounds, at)
			}
		}
	}
}
