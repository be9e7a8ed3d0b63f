package balsa_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// Scenario close-hangs: the bubble fails the test if a goroutine is left.
func TestCloseUnderLoadAnswersEveryCall(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		var callers sync.WaitGroup
		var mu sync.Mutex
		acked := map[int]bool{}
		denied := map[int]bool{}
		for _, name := range c.names() {
			node := c.nodes[name]
			for caller := range 8 {
				callers.Go(func() {
					for i := 1; ; i++ {
						id := int(name[0])*1_000_000 + caller*100_000 + i
						_, err := node.Propose(c.ctx, id)
						mu.Lock()
						switch {
						case err == nil:
							acked[id] = true
						case errors.Is(err, balsa.ErrNotCommitted):
							denied[id] = true
						}
						mu.Unlock()
						if err != nil {
							c.partitioned(err)
							if !errors.Is(err, balsa.ErrClosed) {
								t.Errorf("a call on a member that closes: %v", err)
							}
							return
						}
						if err := node.Read(c.ctx, func(ledgerMachine) {}); err != nil {
							if !errors.Is(err, balsa.ErrClosed) || !errors.Is(err, balsa.ErrNotCommitted) {
								t.Errorf("a read on a member that closes: %v", err)
							}
							return
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
		}
		time.Sleep(time.Second)
		for _, name := range c.names() {
			c.stop(name)
		}
		callers.Wait()
		for _, name := range []string{"a", "b", "c"} {
			c.open(name)
		}
		c.leader()
		c.read("a")
		applied := c.agree().Entries
		for id := range acked {
			if !slices.Contains(applied, id) {
				t.Errorf("command %d was acknowledged and is lost", id)
			}
		}
		for id := range denied {
			if slices.Contains(applied, id) {
				t.Errorf("command %d was said to be not committed, and was applied", id)
			}
		}
		slices.Sort(applied)
		if len(slices.Compact(slices.Clone(applied))) != len(applied) {
			t.Error("a command was applied twice")
		}
	})
}

func TestCloseHandsLeadershipOverFirst(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		leader := c.leader()
		term := c.nodes[leader].Status().Term
		c.stop(leader)
		next := c.leader()
		// A leader that just vanished would have cost at least an election timeout; the
		// one that hands over is followed in the very next term.
		if got := c.nodes[next].Status().Term; got != term+1 {
			t.Errorf("the next leader's term is %d after %d", got, term)
		}
	})
}

func TestCloseBeforeTheClusterIsFoundedReturns(t *testing.T) {
	inBubble(t, func(c *cluster) {
		node := c.open("a", withCluster("a", "b", "c"))
		done := make(chan error, 1)
		go func() {
			_, err := node.Propose(c.ctx, 1)
			done <- err
		}()
		time.Sleep(30 * time.Second)
		c.stop("a")
		if err := <-done; !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("a proposal that never left, on a member that closes: %v", err)
		}
	})
}

func TestCallsAfterCloseFail(t *testing.T) {
	inBubble(t, func(c *cluster) {
		node := c.open("a")
		c.propose("a", 1)
		status := node.Status()
		c.stop("a")
		_, err := node.Propose(c.ctx, 1)
		errs := map[string]error{
			"Propose":            err,
			"Read":               node.Read(c.ctx, func(ledgerMachine) {}),
			"Snapshot":           node.Snapshot(c.ctx),
			"RemoveMember":       node.RemoveMember(c.ctx, 1),
			"TransferLeadership": node.TransferLeadership(c.ctx, 0),
		}
		for call, err := range errs {
			c.partitioned(err)
			if !errors.Is(err, balsa.ErrClosed) || !errors.Is(err, balsa.ErrNotCommitted) {
				t.Errorf("%s on a closed node: %v", call, err)
			}
		}
		if err := node.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
		if got := node.Status(); got.Applied != status.Applied || got.Name != "a" {
			t.Errorf("Status after Close is %v, before it was %v", got, status)
		}
	})
}
