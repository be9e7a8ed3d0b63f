package dashboard

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsFollowOnEachOther(t *testing.T) {
	for bucket := range len(spread{}.buckets) - 1 {
		top := topOf(bucket)
		if got := bucketOf(top - 1); got != bucket {
			t.Errorf("%s lies in bucket %d, not %d", top-1, got, bucket)
		}
		if got := bucketOf(top); got != bucket+1 {
			t.Errorf("%s lies in bucket %d, not %d", top, got, bucket+1)
		}
	}
	if last := bucketOf(time.Hour); last != len(spread{}.buckets)-1 {
		t.Errorf("an hour lies in bucket %d", last)
	}
}

func TestQuantilesAreNearThoseOfAllDurations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s spread
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		s.add(d, 1)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, share := range []float64{0, 0.5, 0.9, 0.99, 1} {
		exact, got := all[int(share*float64(len(all)-1))], s.quantile(share)
		if got < exact || float64(got) > 1.26*float64(exact)+float64(time.Microsecond) {
			t.Errorf("quantile %v is %s, and %s here", share, exact, got)
		}
	}
	if s.quantile(1) != all[len(all)-1] {
		t.Errorf("the greatest is %s, and %s here", all[len(all)-1], s.quantile(1))
	}
}

func TestNothingTakesNoTime(t *testing.T) {
	if got := new(spread).latency(); got != (Latency{}) {
		t.Errorf("%+v", got)
	}
}
