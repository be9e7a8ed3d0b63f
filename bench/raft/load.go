package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// load is callers who each do one thing after the other and wait for it.
type load struct {
	callers       int
	warm, measure time.Duration
	enough        <-chan struct{} // ends it sooner, if it is not nil
	op            func(ctx context.Context, caller int) error
}

// The phases of a load.
const (
	warming = iota
	measuring
	over
)

// run loads for a while and says what it took. done is how many operations succeeded,
// those of the warm-up included; the figures tell of those that ended while it measured.
func (l load) run(ctx context.Context, m *meters) (f Figures, done int, err error) {
	var phase atomic.Int32
	something := make(chan struct{}) // closed once something was measured
	first := sync.OnceFunc(func() { close(something) })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	histograms := make([]histogram, l.callers)
	dones := make([]int, l.callers)
	var all sync.WaitGroup
	for i := range l.callers {
		all.Go(func() {
			for began := time.Now(); phase.Load() != over; {
				if err := l.op(ctx, i); err != nil {
					cancel(err)
					return
				}
				dones[i]++
				ended := time.Now()
				if phase.Load() == measuring {
					if histograms[i].add(ended.Sub(began)); histograms[i].n == 1 {
						first()
					}
				}
				began = ended
			}
		})
	}
	f, err = measure(ctx, l, &phase, something, m)
	phase.Store(over)
	all.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	var sum histogram
	for i := range histograms {
		sum.merge(&histograms[i])
		done += dones[i]
	}
	if err == nil {
		f.add(&sum)
	}
	return f, done, err
}

// measure waits for the warm-up, and then for what is measured, which is one operation at
// least.
func measure(ctx context.Context, l load, phase *atomic.Int32, something <-chan struct{}, m *meters) (Figures, error) {
	pause(ctx, l.warm, nil)
	if err := resetPeak(); err != nil {
		return nil, err
	}
	before, err := usageNow(m)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	phase.Store(measuring)
	pause(ctx, l.measure, l.enough)
	pause(ctx, patience, something)
	phase.Store(over)
	took := time.Since(began)
	after, err := usageNow(m)
	if err != nil {
		return nil, err
	}
	peak, err := peakMemory()
	if err != nil {
		return nil, err
	}
	f := Figures{seconds: took.Seconds(), peakMiB: float64(peak) / (1 << 20)}
	f[processor] = (after.processor - before.processor).Seconds()
	if before.written >= 0 && after.written >= 0 {
		f[written] = float64(after.written - before.written)
	}
	if before.syncs >= 0 && after.syncs >= 0 {
		f[syncCount] = float64(after.syncs - before.syncs)
	}
	return f, nil
}

// add joins what was measured of single operations to what was measured of all.
func (f Figures) add(h *histogram) {
	n := float64(max(h.n, 1))
	f[count] = float64(h.n)
	f[perSecond] = float64(h.n) / f[seconds]
	f[p50], f[p90], f[p99], f[slowest] = ms(h.quantile(0.5)), ms(h.quantile(0.9)), ms(h.quantile(0.99)), ms(h.max)
	f[processorPerMillion] = f[processor] / n * 1e6
	if w, ok := f[written]; ok {
		f[bytesPerEntry] = w / n
	}
	if s, ok := f[syncCount]; ok {
		f[entriesPerSync] = n / max(s, 1)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pause waits, or returns when ctx ends or it is enough.
func pause(ctx context.Context, d time.Duration, enough <-chan struct{}) {
	select {
	case <-time.After(d):
	case <-enough:
	case <-ctx.Done():
	}
}

// commands makes each caller a command of its own, which no one can compress.
func commands(callers, size int) [][]byte {
	source := rand.NewChaCha8([32]byte{1})
	all := make([][]byte, callers)
	for i := range all {
		all[i] = make([]byte, size)
		source.Read(all[i])
	}
	return all
}
