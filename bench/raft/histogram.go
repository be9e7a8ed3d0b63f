package main

import (
	"math/bits"
	"time"
)

// histogram counts durations in steps of at most a thirty-second of themselves, so that
// millions of them take some kilobytes. It has one owner.
type histogram struct {
	counts [doublings * steps]uint32
	n      int
	max    time.Duration
}

const (
	// steps is into how many equal parts each doubling is divided.
	steps = 32
	// doublings is how many there are: up to a minute.
	doublings = 22
)

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.n++
	h.max = max(h.max, d)
}

// bucket is where a duration is counted: in microseconds below steps, then steps to each
// doubling.
func bucket(d time.Duration) int {
	us := uint64(max(d, 0)) / uint64(time.Microsecond)
	if us < steps {
		return int(us)
	}
	shift := bits.Len64(us) - bits.Len64(steps)
	return min(shift*steps+int(us>>shift), doublings*steps-1)
}

// middle is a duration in the middle of a bucket.
func middle(bucket int) time.Duration {
	if bucket < 2*steps {
		return time.Duration(bucket)*time.Microsecond + time.Microsecond/2
	}
	shift := bucket/steps - 1
	low := uint64(bucket-shift*steps) << shift
	return time.Duration(low+1<<shift/2) * time.Microsecond
}

// merge adds what another one has counted.
func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// quantile is the duration that a share of all did not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	left := int(share * float64(h.n))
	for i, n := range h.counts {
		if left -= int(n); left < 0 {
			return min(middle(i), h.max)
		}
	}
	return h.max
}
