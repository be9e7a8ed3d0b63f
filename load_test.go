package balsa_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/transport/memory"
)

// slowDisks gives members disks, and returns how to set how long their syncs take.
func (c *cluster) slowDisks(names ...string) (syncs func(each time.Duration, of ...string)) {
	took := map[string]*atomic.Int64{}
	for i, name := range names {
		each := &atomic.Int64{}
		disk := fault.New(uint64(i + 1))
		disk.Watch(func(o fault.Operation) {
			if o.Op == fault.Sync {
				time.Sleep(time.Duration(each.Load()))
			}
		})
		c.disks[name], took[name] = disk, each
	}
	return func(each time.Duration, of ...string) {
		for _, name := range of {
			took[name].Store(int64(each))
		}
	}
}

// Scenario asymmetric-load: one member has many callers, whose commands and reads are
// always more than the disks can take; nobody takes that for the death of a leader, and
// callers of the others are not much slower than without.
func TestAFloodOnOneMemberMovesNoLeader(t *testing.T) {
	for _, target := range []string{"the leader", "a follower"} {
		t.Run(target, func(t *testing.T) {
			inBubble(t, func(c *cluster) {
				syncs := c.slowDisks("a", "b", "c")
				c.network.SetWeather(memory.Weather{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond})
				for _, name := range []string{"a", "b", "c"} {
					c.open(name, withCluster("a", "b", "c"), func(cfg *balsa.Config) { cfg.SlowDisk = -1 }) // which would rightly move it
				}
				flooded := c.leader()
				// Longer than the silence that makes an election, shorter than a hang.
				const long = 700 * time.Millisecond
				if target == "the leader" {
					syncs(long, flooded) // the others' disks are better, and it is still no hang
				} else {
					flooded = c.followers()[0]
					syncs(long, c.names()...)
				}
				other := others2(c.followers(), flooded)[0]
				before := c.nodes[other].Status()
				quiet := c.latency(other)

				stop := make(chan struct{})
				var callers sync.WaitGroup
				for range 200 {
					callers.Go(func() {
						for {
							select {
							case <-stop:
								return
							default:
								c.propose(flooded, 1)
								c.read(flooded)
							}
						}
					})
				}
				var worst time.Duration
				for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
					worst = max(worst, c.latency(other))
				}
				close(stop)
				callers.Wait()
				for _, name := range c.names() {
					if s := c.nodes[name].Status(); s.Term != before.Term || s.LeaderID != before.LeaderID {
						t.Errorf("%s follows %s in term %d; before the flood %s led in term %d", name, s.Leader, s.Term, before.Leader, before.Term)
					}
				}
				// It waits for the writes that are under way, one after the other on the leader and
				// on a follower, then for its own, and to hear of it: a handful of syncs, however
				// many callers there are.
				if limit := max(5*quiet, long) + 100*time.Millisecond; worst > limit {
					t.Errorf("a caller of another member waited %s, before the flood %s", worst, quiet)
				}
				if sum := c.agree().Sum; sum < 200*10 {
					t.Errorf("the flood was %d commands: it shows too little", sum)
				}
			})
		})
	}
}

// latency is how long a command on a member takes.
func (c *cluster) latency(name string) time.Duration {
	c.Helper()
	start := time.Now()
	c.propose(name, 1)
	return time.Since(start)
}
