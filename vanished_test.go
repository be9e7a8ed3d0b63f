package balsa_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// calls are all that may wait for a leader, by name.
func (c *cluster) calls(node *ledgerNode, command int) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Propose": func(ctx context.Context) error { _, err := node.Propose(ctx, command); return err },
		"ProposeAll": func(ctx context.Context) (last error) {
			for _, err := range node.ProposeAll(ctx, slices.Values([]int{command + 1, command + 2})) {
				last = err
			}
			return last
		},
		"Read":               func(ctx context.Context) error { return node.Read(ctx, func(ledgerMachine) {}) },
		"Read a lease":       func(ctx context.Context) error { return node.Read(ctx, func(ledgerMachine) {}, balsa.Lease()) },
		"OpenSession":        func(ctx context.Context) error { _, err := node.OpenSession(ctx, 0); return err },
		"Members":            func(ctx context.Context) error { _, err := node.Members(ctx); return err },
		"TransferLeadership": func(ctx context.Context) error { return node.TransferLeadership(ctx, node.Status().ID) },
	}
}

// Scenario hung-future: the leader vanishes while all kinds of calls wait for it, on it
// and on another member. As soon as there is a leader again they are answered, without a
// deadline of their own.
func TestNoCallHangsWhenTheLeaderVanishes(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for round := range 5 {
			old := c.leader()
			rest := others2(c.names(), old)
			type answer struct {
				call string
				err  error
			}
			answers := make(chan answer, 100)
			waiting := 0
			// Calls go out, and the leader's answers are lost.
			c.network.Cut(addr(old), others(c.names(), old)...)
			for i, name := range []string{old, rest[0]} {
				for call, do := range c.calls(c.nodes[name], 1000*(2*round+i+1)) {
					waiting++
					go func() { answers <- answer{call + " on " + name, do(c.ctx)} }()
				}
			}
			time.Sleep(50 * time.Millisecond)
			c.network.Partition([]string{addr(old)}, others(c.names(), old))
			c.leaderOf(rest...)
			time.Sleep(5 * time.Second)
			c.network.Heal()
			for left := waiting; left > 0; left-- {
				select {
				case a := <-answers:
					if a.err != nil {
						c.partitioned(a.err)
					}
				case <-time.After(10 * time.Second):
					t.Fatalf("%d of %d calls hang", left, waiting)
				}
			}
		}
	})
}

// Scenario hung-future: with nobody to lead, a call ends when its context does, and says
// whether it may have happened.
func TestNoCallOutlivesItsContextWithoutALeader(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		c.stop("b")
		c.stop("c")
		c.eventually("a knows no leader", func() bool { return c.nodes["a"].Status().Leader == "" })
		for call, do := range c.calls(c.nodes["a"], 100) {
			start := time.Now()
			err := do(c.soon(3 * time.Second))
			c.partitioned(err)
			if !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrNoLeader) || time.Since(start) > 4*time.Second {
				t.Errorf("%s without a leader ended after %s with: %v", call, time.Since(start), err)
			}
		}
	})
}

// Scenario late-commit: a caller is told that the outcome is unknown, and goes elsewhere
// with the same command while the first copy is still under way. It commits later: in the
// caller's session it ran once, and both ways have the one result.
func TestACommandThatCommitsAfterItsErrorRunsOnce(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		old := c.leader()
		rest := others2(c.names(), old)
		caller := c.caller(rest[0], 0)
		caller.ask(rest[0], 1, 1)
		// What the leader sends arrives, and it hears nothing back: its entry will be
		// committed, and it cannot know.
		for _, name := range rest {
			c.network.Cut(addr(name), addr(old))
		}
		ctx, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
		defer cancel()
		_, err := c.nodes[old].ProposeAs(ctx, balsa.Call{Session: caller.session, Seq: 2}, 10)
		c.partitioned(err)
		if !errors.Is(err, balsa.ErrUnknown) {
			t.Errorf("the first way's error is %v, want ErrUnknown: the command is in the log", err)
		}
		_, err = c.nodes[old].Propose(c.soon(50*time.Millisecond), 100)
		c.partitioned(err)
		if !errors.Is(err, balsa.ErrUnknown) {
			t.Errorf("the member's own command ended with %v, want ErrUnknown: it is in the log", err)
		}
		c.leaderOf(rest...)
		if got := c.nodes[rest[0]].Status().Last; got < 3 {
			t.Errorf("the log ends at %d: nothing arrived", got)
		}
		first := caller.ask(rest[0], 2, 10)
		second := caller.ask(rest[1], 2, 10)
		c.network.Heal()
		third := caller.ask(old, 2, 10)
		times := map[int]int{}
		for _, add := range c.agree().Entries {
			times[add]++
		}
		if first != second || second != third || times[10] != 1 || times[100] != 1 {
			t.Errorf("the same command returned %d, %d and %d; what ran: %v", first, second, third, times)
		}
	})
}
