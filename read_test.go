package balsa_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
)

// Scenario zombie-leader-read.
func TestADeposedLeaderAnswersNoLinearizableRead(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		old := c.leader()
		rest := others2(c.names(), old)
		c.network.Partition([]string{addr(old)}, others(c.names(), old))
		c.leaderOf(rest...)
		c.propose(rest[0], 10)
		for _, option := range [][]balsa.ReadOption{nil, {balsa.Lease()}} {
			err := c.nodes[old].Read(c.soon(3*time.Second), func(l ledgerMachine) {
				t.Errorf("a deposed leader let a read see %d", l.Value.Sum)
			}, option...)
			c.partitioned(err)
			if !errors.Is(err, balsa.ErrNotCommitted) {
				t.Errorf("the read failed with %v", err)
			}
		}
		// Who asks for less gets it: an old state, but never one older than it may be.
		if got := c.read(old, balsa.AtLeast(0)); got != 1 {
			t.Errorf("a read of any state saw %d, want 1", got)
		}
		err := c.nodes[old].Read(c.soon(3*time.Second), func(ledgerMachine) { t.Error("the state is older than a second") }, balsa.Stale(time.Second))
		if !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("a read of a state at most a second old: %v", err)
		}
		if got := c.read(old, balsa.Stale(time.Hour)); got != 1 {
			t.Errorf("a read of a state at most an hour old saw %d, want 1", got)
		}
	})
}

// Scenario lease-clock, the promise behind it: while a leader may answer from its lease,
// nobody else is elected.
func TestALeaseEndsBeforeAnotherLeaderIsElected(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		old := c.leader()
		rest := others2(c.names(), old)
		c.propose(old, 1)
		for range 20 {
			c.read(old, balsa.Lease())
			time.Sleep(50 * time.Millisecond)
		}
		c.network.Partition([]string{addr(old)}, others(c.names(), old))
		for c.nodes[rest[0]].Status().Leader != rest[0] && c.nodes[rest[1]].Status().Leader != rest[1] {
			time.Sleep(time.Millisecond)
		}
		err := c.nodes[old].Read(c.soon(time.Second), func(ledgerMachine) { t.Error("two leaders answered reads") }, balsa.Lease())
		if err == nil {
			t.Error("the old leader answered")
		}
	})
}

func TestLeaseReadsAskNobody(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		leader := c.leader()
		c.propose(leader, 1)
		c.read(leader, balsa.Lease()) // asks for the first lease
		time.Sleep(300 * time.Millisecond)
		c.network.Partition([]string{addr(leader)}, others(c.names(), leader))
		if got := c.read(leader, balsa.Lease()); got != 1 {
			t.Errorf("the read saw %d, want 1", got)
		}
	})
}

func TestAtLeastReadsOnesOwnWrite(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		synctest.Wait() // the caller may have its answer before the loop knows what is applied
		index := c.nodes["a"].Status().Applied
		for _, name := range c.names() {
			if got := c.read(name, balsa.AtLeast(index)); got != 1 {
				t.Errorf("%s saw %d at index %d, want 1", name, got, index)
			}
		}
		err := c.nodes["a"].Read(c.soon(time.Second), func(ledgerMachine) { t.Error("a read saw the future") }, balsa.AtLeast(index+1000))
		says := fmt.Sprintf("applied up to %d, and not yet up to %d", c.nodes["a"].Status().Applied, index+1000)
		if !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), says) {
			t.Errorf("a read at an index that is not there: %v, want %q", err, says)
		}
	})
}

// Who gives up takes nobody along that waits for the same, and what nobody waits for any
// more is not asked for.
func TestAReaderWhoGivesUpLeavesTheOthers(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		old := c.leader()
		node := c.nodes[old]
		c.network.Partition([]string{addr(old)}, others(c.names(), old))
		patient, impatient := make(chan error), make(chan error)
		look := func(l ledgerMachine) {
			if l.Value.Sum != 1 {
				t.Errorf("a read saw %d, want 1", l.Value.Sum)
			}
		}
		go func() { patient <- node.Read(c.ctx, look) }()
		go func() { impatient <- node.Read(c.soon(5*time.Second), look) }()
		time.Sleep(time.Second)
		if n := node.Status().Load.Reads; n != 2 {
			t.Errorf("%d reads wait, want 2", n)
		}
		if err := <-impatient; !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up got %v", err)
		}
		if n := node.Status().Load.Reads; n != 1 {
			t.Errorf("%d reads wait, want 1", n)
		}
		c.network.Heal()
		if err := <-patient; err != nil {
			t.Errorf("who waited got %v", err)
		}
		if n := node.Status().Load.Reads; n != 0 {
			t.Errorf("%d reads wait, want none", n)
		}
	})
}
