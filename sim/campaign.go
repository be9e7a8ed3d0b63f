package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/sim/world"
)

// campaign is many worlds, one seed after the other.
type campaign struct {
	first, seeds uint64
	options      world.Options
	workers      int
	most         int // broken worlds after which it ends
}

// playMany plays a campaign and tells which worlds broke.
func playMany(c campaign) int {
	began := time.Now()
	seeds, results := make(chan uint64), make(chan world.Result)
	stop := make(chan struct{})
	go func() {
		defer close(seeds)
		for seed := c.first; seed < c.first+c.seeds; seed++ {
			select {
			case seeds <- seed:
			case <-stop:
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range c.workers {
		workers.Go(func() {
			for seed := range seeds {
				results <- world.Run(seed, c.options)
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	t := tally{counts: map[string]int{}}
	for r := range results {
		t.add(r, c)
		if t.broken == c.most && r.Err != nil {
			close(stop)
		}
	}
	fmt.Printf("%d worlds in %s: %d events, %s of virtual time, %d broken\n",
		t.worlds, time.Since(began).Round(time.Millisecond), t.events, t.elapsed.Round(time.Second), t.broken)
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Printf("  %-20s %d\n", what, t.counts[what])
	}
	if t.broken > 0 {
		return 1
	}
	return 0
}

// tally sums up how worlds went.
type tally struct {
	worlds, events, broken int
	elapsed                time.Duration
	counts                 map[string]int
}

func (t *tally) add(r world.Result, c campaign) {
	t.worlds++
	t.events += r.Events
	t.elapsed += r.Elapsed
	for what, n := range r.Counts {
		t.counts[what] += n
	}
	if r.Err != nil {
		t.broken++
		text, _, _ := strings.Cut(r.Err.Error(), "\n")
		fmt.Printf("BROKEN: %s\n  go run ./sim -mode %s -seed %d -v\n", text, c.options.Mode, r.Seed)
	}
}
