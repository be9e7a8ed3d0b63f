package balsa_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

func withSmallSnapshots(cfg *balsa.Config) { cfg.SnapshotBytes = 16 << 10 }

func TestSnapshotsAreTakenByThemselvesAndTheLogIsCompacted(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a", withSmallSnapshots)
		for i := range 3000 {
			c.propose("a", i)
		}
		s := c.nodes["a"].Status()
		if s.Snapshot == 0 {
			t.Fatalf("no snapshot after 3000 entries: %v", s)
		}
		want := c.peek("a")
		c.stop("a")
		c.open("a", withSmallSnapshots)
		c.read("a")
		if got := c.peek("a"); got.Sum != want.Sum || !slices.Equal(got.Entries, want.Entries) {
			t.Errorf("after a restart the sum is %d, want %d", got.Sum, want.Sum)
		}
		for _, err := range c.nodes["a"].Committed(c.ctx, 1) {
			if !errors.Is(err, balsa.ErrCompacted) {
				t.Errorf("the first entries are still in the log: %v", err)
			}
			break
		}
	})
}

// Scenario snapshot-slides: a member that was away for longer than the log reaches back.
func TestAMemberThatLagsBehindTheLogGetsASnapshot(t *testing.T) {
	inBubble(t, func(c *cluster) {
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), withSmallSnapshots)
		}
		late := c.followers()[0]
		c.propose(late, 1)
		c.stop(late)
		there := c.names()[0]
		for i := range 3000 {
			c.propose(there, i)
		}
		node := c.open(late, withSmallSnapshots)
		c.agree()
		if got, want := c.propose(late, 1), c.agree().Sum; got != want {
			t.Errorf("the late member's proposal returned %d, the sum is %d", got, want)
		}
		if node.Status().Snapshot == 0 {
			t.Error("it caught up without a snapshot: the log was not compacted")
		}
		// The snapshot is its own now: it starts from it.
		c.stop(late)
		c.open(late, withSmallSnapshots)
		c.agree()
	})
}

// Scenario session-in-snapshot: a command that is sent again after the snapshot which
// its first run is in must not run again.
func TestSessionsAreInSnapshots(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		follower := c.followers()[0]
		c.propose(follower, 1)
		// The follower's own proposals go out, but it hears nothing back: it has to
		// send them again later.
		for _, name := range c.names() {
			if name != follower {
				c.network.Cut(addr(name), addr(follower))
			}
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes[follower].Propose(c.ctx, 1000)
			done <- err
		}()
		rest := others2(c.names(), follower)
		c.eventually("the proposal is applied by the others", func() bool { return slices.Contains(c.peek(rest[0]).Entries, 1000) })
		for _, name := range rest {
			if err := c.nodes[name].Snapshot(c.ctx); err != nil {
				t.Fatal(err)
			}
			c.stop(name)
			c.open(name)
		}
		c.network.Heal()
		if err := <-done; err != nil {
			t.Errorf("the proposal: %v", err)
		}
		n := 0
		for _, e := range c.agree().Entries {
			if e == 1000 {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the command was applied %d times", n)
		}
	})
}

func TestACommittedStreamHasEveryCommandOnceAndResumes(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		var caller sync.WaitGroup
		defer caller.Wait()
		caller.Go(func() {
			for i := 1; i <= 200; i++ {
				c.propose([]string{"a", "b", "c"}[i%3], i)
				time.Sleep(10 * time.Millisecond)
			}
		})
		var seen []int
		next := balsa.Index(1)
		for len(seen) < 200 {
			// A reader that goes away and comes back, to another member too.
			name := []string{"a", "b", "c"}[len(seen)/20%3]
			for committed, err := range c.nodes[name].Committed(c.ctx, next) {
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, committed.Command)
				next = committed.Index + 1
				if len(seen)%20 == 0 {
					break
				}
			}
		}
		if want := c.agree().Entries; !slices.Equal(seen, want) {
			t.Errorf("the stream had %v, applied was %v", seen, want)
		}
	})
}

func TestEventsTellOfLeadersAndMembers(t *testing.T) {
	inBubble(t, func(c *cluster) {
		node := c.open("a", withCluster("a", "b"))
		events := node.Events(c.soon(20 * time.Second))
		c.open("b", withCluster("a", "b"))
		var kinds []string
		for e := range events {
			kinds = append(kinds, fmt.Sprint(e.Kind))
		}
		for _, want := range []balsa.EventKind{balsa.Joined, balsa.LeaderChanged, balsa.MembersChanged} {
			if !slices.Contains(kinds, fmt.Sprint(want)) {
				t.Errorf("no event %s among %v", want, kinds)
			}
		}
	})
}

// Who joins and proposes at once opens a session while the snapshot that it needs is under
// way. Under a session that was not open, nothing can have been lost with it.
func TestACommandGivenBeforeTheFirstSnapshotCameIsNotRefused(t *testing.T) {
	inBubble(t, func(c *cluster) {
		small := func(cfg *balsa.Config) { cfg.SnapshotBytes = 500 }
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), small)
		}
		for k := range 60 {
			c.propose("a", k)
		}
		c.open("d", withJoin("a", "b", "c"), small)
		want := 60*59/2 + 7
		if sum := c.propose("d", 7); sum != want {
			c.Errorf("the sum is %d, want %d", sum, want)
		}
	})
}
