package main

import (
	"testing"
	"time"
)

func TestWhatRedisBenchmarkPrintsIsRead(t *testing.T) {
	const printed = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"SET","33223.74","23.406","1.584","18.751","53.791","91.199","223.743"
`
	got, err := parseBenchmark([]byte(printed))
	want := sample{perSecond: 33223.74, p50: 18751 * time.Microsecond, p99: 91199 * time.Microsecond}
	if got != want || err != nil {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, wrong := range []string{"", "\"SET\",\"1\"\n", "a,b,c,d,e,f,g,h\nSET,x,1,1,1,1,1,1\n"} {
		if got, err := parseBenchmark([]byte(wrong)); err == nil {
			t.Errorf("%q is read as %+v", wrong, got)
		}
	}
}

// What is fast in a quiet moment only is compared with its rival in the same moment.
func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	own, rival := []sample{{perSecond: 100}, {perSecond: 20}, {perSecond: 30}}, []sample{{perSecond: 50}, {perSecond: 10}, {perSecond: 10}}
	if got := median(ratios(own, rival)); got != 2 {
		t.Errorf("the median of the ratios is %v, want 2", got)
	}
}
