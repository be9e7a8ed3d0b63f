package dashboard

import (
	"math/bits"
	"time"
)

// spread counts durations in buckets that grow with them, four to a doubling: a quantile
// is right to a tenth or so, over any number of durations, in half a kilobyte.
type spread struct {
	buckets [104]uint32
	count   uint64
	most    time.Duration
}

// Buckets 0 to 3 are microseconds below 4; from there on, each is a quarter of a power of
// two of microseconds. The last takes in all from nearly two minutes on.
func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < 4 {
		return int(us)
	}
	power := bits.Len64(us) - 1 // at least 2
	quarter := int(us>>(power-2)) & 3
	return min(4*(power-1)+quarter, len(spread{}.buckets)-1)
}

// topOf is the duration at which a bucket ends.
func topOf(bucket int) time.Duration {
	if bucket < 4 {
		return time.Duration(bucket+1) * time.Microsecond
	}
	power, quarter := bucket/4+1, bucket%4
	return time.Duration(uint64(4+quarter+1)<<(power-2)) * time.Microsecond
}

// add counts a duration so many times.
func (s *spread) add(d time.Duration, times int) {
	s.buckets[bucketOf(d)] += uint32(times)
	s.count += uint64(times)
	s.most = max(s.most, d)
}

// quantile is the duration that a share of all does not exceed; 0 if there are none.
func (s *spread) quantile(share float64) time.Duration {
	if s.count == 0 {
		return 0
	}
	rank := uint64(share*float64(s.count-1)) + 1
	var below uint64
	for i, n := range s.buckets {
		if below += uint64(n); below >= rank {
			return min(topOf(i), s.most)
		}
	}
	return s.most
}

// Latency is how long something took, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func (s *spread) latency() Latency {
	return Latency{milliseconds(s.quantile(0.5)), milliseconds(s.quantile(0.99)), milliseconds(s.most)}
}

// milliseconds keeps three digits, for the sake of the note's size.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond).Microseconds()) / 1000
}
