package balsa_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// Scenario quorum-lost, end to end: of three members two are lost for good.
func TestAClusterThatLostItsMajorityIsRecoveredFromWhatIsLeft(t *testing.T) {
	inBubble(t, func(c *cluster) {
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), withSmallSnapshots)
		}
		c.leader()
		caller := c.caller("a", 0)
		first := caller.ask("a", 1, 100)
		for range 1000 {
			c.propose("a", 1)
		}
		sum := c.agree().Sum
		// Who runs is not recovered.
		if _, err := balsa.Recover(balsa.Config{Files: c.disks["a"]}, false); !errors.Is(err, balsa.ErrLocked) {
			t.Errorf("recover a member that runs: %v", err)
		}
		former := c.nodes["a"].Status()
		c.stop("b")
		c.stop("c")
		c.stop("a")

		before := image(t, c.disks["a"])
		planned, err := balsa.Recover(balsa.Config{Files: c.disks["a"]}, true)
		if err != nil || !maps.Equal(before, image(t, c.disks["a"])) {
			t.Fatalf("a dry run: %v; it changed files: %v", err, !maps.Equal(before, image(t, c.disks["a"])))
		}
		done, err := balsa.Recover(balsa.Config{Files: c.disks["a"]}, false)
		if err != nil {
			t.Fatal(err)
		}
		if done.Former != former.Cluster || done.Last != planned.Last || done.Last.Index < former.Commit || done.Known.Index == 0 || planned.New != 0 {
			t.Errorf("planned %+v, done %+v; it stood at %+v", planned, done, former)
		}

		c.open("a", withCluster("a", "b", "c"), withSmallSnapshots)
		c.leader()
		if got := c.read("a"); got != sum {
			t.Errorf("it reads %d, want %d", got, sum)
		}
		if got := caller.ask("a", 1, 100); got != first {
			t.Errorf("a command of the former life, sent again, returned %d, want %d as then", got, first)
		}
		// One of the former life returns: it is refused, and told what to do.
		old := c.open("b", withCluster("a", "b", "c"), withSmallSnapshots)
		c.eventually("b is told", func() bool { return strings.Contains(old.Status().Waiting, "empty directory") })
		time.Sleep(10 * time.Second)
		if s := c.nodes["a"].Status(); s.Role != "leader" || len(s.Members) != 1 || old.Status().Leader != "" {
			t.Errorf("with one of the former life beside it the member stands as %v, that one as %v", s, old.Status())
		}
		if _, err := old.Propose(c.soon(time.Second), 7); !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), "empty directory") {
			t.Errorf("a proposal on the one of the former life: %v", err)
		}
		c.stop("b")
		c.wipe("b")
		c.open("b", withCluster("a", "b", "c"), withSmallSnapshots)
		c.awaitRole("a", "b", "voter")
		c.propose("b", 1)
		if got := c.agree().Sum; got != sum+1 {
			t.Errorf("they agree on %d, want %d", got, sum+1)
		}
		if _, err := balsa.Recover(balsa.Config{}, false); !errors.Is(err, balsa.ErrConfig) {
			t.Errorf("recover a member in memory: %v", err)
		}
	})
}
