package balsa_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// Reads that a member's state is new enough for wait for nobody, not even for a loop that
// is busy.
func TestReadsOfWhatIsThereWaitForNobody(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		time.Sleep(time.Second)
		for _, node := range c.nodes {
			index := node.Status().Applied
			release := balsa.HoldLoop(node)
			for name, option := range map[string]balsa.ReadOption{"AtLeast": balsa.AtLeast(index), "Stale": balsa.Stale(3 * time.Second)} {
				sum := 0
				if err := node.Read(c.soon(time.Second), func(l ledgerMachine) { sum = l.Value.Sum }, option); err != nil || sum != 1 {
					t.Errorf("%s saw %d, %v", name, sum, err)
				}
			}
			ended, cancel := context.WithCancel(c.ctx)
			cancel()
			go func() { time.Sleep(time.Second); release() }()
			if err := node.Read(ended, func(ledgerMachine) {}, balsa.AtLeast(index)); !errors.Is(err, context.Canceled) {
				t.Errorf("a read whose context has ended: %v", err)
			}
		}
		node := c.nodes["a"]
		c.stop("a")
		for _, option := range []balsa.ReadOption{balsa.AtLeast(0), balsa.Stale(time.Hour)} {
			if err := node.Read(c.ctx, func(ledgerMachine) { t.Error("a closed node let a read go") }, option); !errors.Is(err, balsa.ErrClosed) {
				t.Errorf("a read of a closed node: %v", err)
			}
		}
	})
}
