package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// writer puts keys of its own, each once and never again, to whichever member answers.
// So in the end each key tells what became of one request: the version it was
// acknowledged with is there, or the command ran twice.
type writer struct {
	name    string
	members []*process
	acked   map[string]string // key to ETag
	refused []string          // keys that were said not to be committed
	unknown int
}

// run writes until stop is closed and counts what is acknowledged.
func (w *writer) run(stop <-chan struct{}, acks *atomic.Int64) {
	at := rand.IntN(len(w.members))
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		key := fmt.Sprintf("%s-%d", w.name, n)
		a, err := w.members[at].do("PUT", key, key)
		switch {
		case err == nil && a.status == 200:
			w.acked[key] = a.etag
			acks.Add(1)
			continue
		case err == nil && a.status == 503:
			w.refused = append(w.refused, key)
		default:
			w.unknown++
		}
		at = (at + 1) % len(w.members)
		time.Sleep(5 * time.Millisecond) // a dead member refuses in no time
	}
}

func TestKillNineLosesNothing(t *testing.T) {
	t.Parallel()
	const rounds, writers, around = 20, 4, 100
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	var acks atomic.Int64
	stop := make(chan struct{})
	var running sync.WaitGroup
	var ws []*writer
	for i := range writers {
		w := &writer{name: fmt.Sprintf("w%d", i), members: all, acked: map[string]string{}}
		ws = append(ws, w)
		running.Go(func() { w.run(stop, &acks) })
	}
	awaitMore := func(n int64) {
		t.Helper()
		goal := acks.Load() + n
		eventually(t, fmt.Sprintf("%d more writes to be acknowledged", n), func() bool { return acks.Load() >= goal })
	}
	kills := 0
	for round := range rounds {
		awaitMore(around)
		victims := []*process{all[rand.IntN(len(all))]}
		switch {
		case round%8 == 7: // all at once
			victims = slices.Clone(all)
		case round%8 == 3: // a majority
			victims = []*process{all[round%3], all[(round+1)%3]}
		case round%2 == 0:
			victims = []*process{leaderOf(t, all)}
		}
		for _, p := range victims {
			p.cmd.Process.Kill()
			kills++
		}
		for _, p := range victims {
			p.await("dead", p.exited)
		}
		if len(victims) == 1 {
			awaitMore(around)
		}
		startAll(victims)
	}
	awaitMore(around)
	close(stop)
	running.Wait()
	var acked, refused, unknown int
	for _, w := range ws {
		acked, refused, unknown = acked+len(w.acked), refused+len(w.refused), unknown+w.unknown
	}
	t.Logf("%d kills; %d writes acknowledged, %d not committed, %d unknown", kills, acked, refused, unknown)
	for _, p := range all {
		judge(t, p, ws)
	}
}

// judge reads from one member what became of every write.
func judge(t *testing.T, p *process, ws []*writer) {
	var readers sync.WaitGroup
	for _, w := range ws {
		readers.Go(func() {
			for key, etag := range w.acked {
				a, err := p.do("GET", key, "")
				switch {
				case err != nil:
					t.Errorf("%s: read %s: %v", p.name, key, err)
					return
				case a.status != 200 || a.body != key:
					t.Errorf("%s: %s was acknowledged and is lost: %+v", p.name, key, a)
				case a.etag != etag:
					t.Errorf("%s: %s was acknowledged at %s and is at %s: it was applied twice", p.name, key, etag, a.etag)
				}
			}
			for _, key := range w.refused {
				if a, err := p.do("GET", key, ""); err != nil || a.status != 404 {
					t.Errorf("%s: %s was said not to be committed and is there: %+v, %v", p.name, key, a, err)
				}
			}
		})
	}
	readers.Wait()
}

// TestFailover measures from killing the leader to the next acknowledged write. It
// prints the times and asserts none: they are the machine's, if nothing else runs
// (-run TestFailover -parallel 1).
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, timing := range []string{"default", "lan"} {
		t.Run("timing="+timing, func(t *testing.T) {
			t.Parallel()
			const kills = 9
			all := newCluster(t, "a b c", "--timing", timing)
			startAll(all)
			var took []time.Duration
			for i := range kills {
				awaitHealthy(t, all)
				leader := leaderOf(t, all)
				other := all[0]
				if other == leader {
					other = all[1]
				}
				other.mustPut("warm", "up")
				leader.cmd.Process.Kill()
				begin := time.Now()
				value := strconv.Itoa(i)
				for {
					if a, err := other.do("PUT", "k", value); err == nil && a.status == 200 {
						break
					}
					if time.Since(begin) > patience {
						t.Fatal("no write was acknowledged after the leader was killed")
					}
				}
				took = append(took, time.Since(begin))
				leader.await("dead", leader.exited)
				other.mustGet("k", value)
				leader.start().awaitReady()
				// A member that has just started may have promised its vote to a lease in
				// its earlier life, and keeps that promise for an election timeout. The
				// next kill is to find a cluster at rest.
				time.Sleep(2 * timings[timing].Election)
			}
			slices.Sort(took)
			var each []string
			for _, d := range took {
				each = append(each, d.Round(time.Millisecond).String())
			}
			t.Logf("the next acknowledged write after kill -9 of the leader: median %s of %s", took[len(took)/2].Round(time.Millisecond), strings.Join(each, " "))
		})
	}
}
