package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/sim/cover"
	"github.com/balsaraft/balsa/sim/world"
)

// campaign is many worlds, one seed after the other.
type campaign struct {
	first, seeds uint64
	options      world.Options
	workers      int
	most         int  // broken worlds after which it ends
	covered      bool // count the transitions of the algorithm
}

// playMany plays a campaign and tells which worlds broke.
func playMany(c campaign) int {
	began := time.Now()
	seeds, results := make(chan uint64), make(chan played)
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
				results <- c.play(seed)
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	t := tally{counts: map[string]int{}, cover: cover.New()}
	for r := range results {
		t.add(r.Result, c)
		if r.cover != nil {
			t.cover.Add(r.cover)
		}
		if t.broken == c.most && r.Err != nil {
			close(stop)
		}
	}
	fmt.Printf("%d worlds in %s: %d events, %s of virtual time, %d broken\n",
		t.worlds, time.Since(began).Round(time.Millisecond), t.events, t.elapsed.Round(time.Second), t.broken)
	for _, what := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Printf("  %-20s %d\n", what, t.counts[what])
	}
	if c.covered {
		printCover(os.Stdout, t.cover, true)
	}
	if t.broken > 0 {
		return 1
	}
	return 0
}

// played is a world that was played, and the transitions that it took if they count.
type played struct {
	world.Result
	cover *cover.Cover
}

func (c campaign) play(seed uint64) (p played) {
	if c.covered {
		p.cover = cover.New()
		c.options.Witness = covering{p.cover}
	}
	p.Result = world.Run(seed, c.options)
	return p
}

// tally sums up how worlds went.
type tally struct {
	worlds, events, broken int
	elapsed                time.Duration
	counts                 map[string]int
	cover                  *cover.Cover
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
