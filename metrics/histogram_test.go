package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func TestAHistogramCountsManyAtOnce(t *testing.T) {
	h := newHistogram(describe("test_seconds", "For a test."), []float64{0.001, 0.1})
	for took, n := range map[time.Duration]int{0: 1, -5: 2, time.Millisecond: 4, 2 * time.Millisecond: 8, 100 * time.Millisecond: 16, time.Second: 32} {
		h.observe(took, n)
	}
	out := make(chan prometheus.Metric, 1)
	h.Collect(out)
	var m dto.Metric
	if err := (<-out).Write(&m); err != nil {
		t.Fatal(err)
	}
	got := m.GetHistogram()
	if got.GetSampleCount() != 63 || got.GetBucket()[0].GetCumulativeCount() != 7 || got.GetBucket()[1].GetCumulativeCount() != 31 {
		t.Errorf("the histogram is %v", got)
	}
	if want := 4*0.001 + 8*0.002 + 16*0.1 + 32; got.GetSampleSum() < want-1e-9 || got.GetSampleSum() > want+1e-9 {
		t.Errorf("the sum is %v, want %v", got.GetSampleSum(), want)
	}
}

func TestBoundsAreRoundAndAscend(t *testing.T) {
	for name, bounds := range map[string][]float64{"times": times, "long times": longTimes} {
		for i := 1; i < len(bounds); i++ {
			if bounds[i] <= bounds[i-1] || bounds[i] > 2.6*bounds[i-1] {
				t.Errorf("%s: %v after %v", name, bounds[i], bounds[i-1])
			}
		}
	}
	if times[0] != 50e-6 || times[len(times)-1] != 10 || longTimes[len(longTimes)-1] != 5000 {
		t.Errorf("times go from %v to %v, long ones to %v", times[0], times[len(times)-1], longTimes[len(longTimes)-1])
	}
}
