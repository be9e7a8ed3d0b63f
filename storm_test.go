package balsa_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys/fault"
)

// Scenario restart-storm: all members lose power together, again and again, at any moment
// of starting, electing, writing and taking snapshots. What was acknowledged is there
// afterwards, once and in one order, and what was refused is not.
func TestAllMembersLosePowerAgainAndAgain(t *testing.T) {
	inBubble(t, func(c *cluster) { storm(c, rand.New(rand.NewPCG(7, 1))) })
}

func storm(c *cluster, chance *rand.Rand) {
	names := []string{"a", "b", "c"}
	syncs := c.slowDisks(names...)
	disks := map[string]*fault.Disk{}
	for _, name := range names {
		disks[name] = c.disks[name].(*fault.Disk)
	}
	c.found(names...)
	syncs(15*time.Millisecond, names...) // so that the power can go between a write and its sync
	var seen verdicts
	next := 0
	for range 12 {
		var callers sync.WaitGroup
		for _, name := range c.names() {
			for range 3 {
				next += 100_000
				node, first := c.nodes[name], next
				callers.Go(func() { seen.call(c, node, first) })
			}
		}
		// Some die in the middle of whatever they do to their disks, all at one moment.
		time.Sleep(time.Duration(chance.Int64N(int64(3 * time.Second))))
		for _, name := range names {
			disks[name].StopAfter(chance.IntN(4))
		}
		time.Sleep(time.Duration(chance.Int64N(int64(20 * time.Millisecond))))
		for _, disk := range disks {
			disk.StopAfter(0)
		}
		for _, name := range c.names() {
			c.nodes[name].Close() // says why it stopped, if it noticed
			delete(c.nodes, name)
		}
		callers.Wait()
		for _, name := range names {
			disks[name].Crash()
			// The power may go while a member starts, too.
			if chance.IntN(3) == 0 {
				disks[name].StopAfter(chance.IntN(30))
				cfg := c.config(name)
				withSmallSnapshots(&cfg)
				if node, err := balsa.Open(c.ctx, cfg, newLedger()); err == nil {
					time.Sleep(time.Duration(chance.Int64N(int64(100 * time.Millisecond))))
					node.Close()
				} else {
					cfg.Transport.Close()
				}
				disks[name].Crash()
			}
			c.open(name, withSmallSnapshots)
		}
	}
	c.leader()
	c.read("a")
	seen.check(c.T, c.agree().Entries)
}

// verdicts is what callers were told of their commands.
type verdicts struct {
	mu            sync.Mutex
	acked, denied []int
}

// call proposes numbers from a first one on, until the member stops.
func (v *verdicts) call(c *cluster, node *ledgerNode, first int) {
	for id := first; ; id++ {
		_, err := node.Propose(c.ctx, id)
		v.mu.Lock()
		switch {
		case err == nil:
			v.acked = append(v.acked, id)
		case errors.Is(err, balsa.ErrNotCommitted):
			v.denied = append(v.denied, id)
		}
		v.mu.Unlock()
		if err != nil {
			c.partitioned(err)
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
}

// check compares them with what was applied in the end.
func (v *verdicts) check(t *testing.T, applied []int) {
	t.Helper()
	times := map[int]int{}
	for _, id := range applied {
		if times[id]++; times[id] == 2 {
			t.Errorf("command %d was applied twice", id)
		}
	}
	for _, id := range v.acked {
		if times[id] == 0 {
			t.Errorf("command %d was acknowledged and is lost", id)
		}
	}
	for _, id := range v.denied {
		if times[id] > 0 {
			t.Errorf("command %d was said to be not committed, and was applied", id)
		}
	}
	if len(v.acked) < 500 {
		t.Errorf("only %d commands were acknowledged: it shows too little", len(v.acked))
	}
}
