package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The plain form: all durations, sorted.
func TestQuantilesAreThoseOfAllDurationsWithinAThirtySecond(t *testing.T) {
	var one, other histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(rand.ExpFloat64() * float64(3*time.Millisecond)).Truncate(time.Microsecond)
		all = append(all, d)
		if i%2 == 0 {
			one.add(d)
		} else {
			other.add(d)
		}
	}
	one.merge(&other)
	slices.Sort(all)
	for _, share := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.9999} {
		want, got := all[int(share*float64(len(all)))], one.quantile(share)
		if off := (got - want).Abs(); off > want/steps+time.Microsecond {
			t.Errorf("quantile %v: %v, want %v", share, got, want)
		}
	}
	if one.max != all[len(all)-1] || one.n != len(all) {
		t.Errorf("max %v of %d, want %v of %d", one.max, one.n, all[len(all)-1], len(all))
	}
}

func TestDurationsBeyondAMinuteCountAsTheLongest(t *testing.T) {
	var h histogram
	h.add(time.Hour)
	if got := h.quantile(0.5); got > time.Hour || got < 10*time.Second {
		t.Errorf("the median of an hour is %v", got)
	}
}
