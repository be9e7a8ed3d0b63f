package client

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/balsaraft/balsa"
)

// Scenario stale-watch, for a caller outside.
func TestAWatchGoesOnAtAnotherMember(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	const commands = 300
	var proposing sync.WaitGroup
	proposing.Go(func() {
		for i := 1; i <= commands; i++ {
			if _, err := client.Propose(c.ctx, i); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var seen []int
	var last balsa.Index
	restarts := map[int]func(name string){50: c.stop, 100: func(name string) { c.open(name, nil) }, 150: c.stop, 200: func(name string) { c.open(name, nil) }}
	victim := ""
	for e, err := range client.Committed(c.ctx, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Index <= last || e.Term == 0 || e.Time.IsZero() || e.Seed == 0 {
			t.Fatalf("after entry %d comes %+v", last, e)
		}
		last = e.Index
		if seen = append(seen, e.Command); len(seen) == commands {
			break
		}
		if do := restarts[len(seen)]; do != nil {
			if victim == "" || len(seen) == 150 {
				victim = c.watched()
			}
			do(victim)
		}
	}
	proposing.Wait()
	for i, got := range seen {
		if got != i+1 {
			t.Fatalf("command %d came as number %d", got, i+1)
		}
	}
	// To resume, ask for the index after the last one seen.
	if _, err := client.Propose(c.ctx, 9999); err != nil {
		t.Fatal(err)
	}
	for e, err := range client.Committed(c.ctx, last+1) {
		if err != nil || e.Command != 9999 {
			t.Errorf("it goes on with %d, %v; want 9999", e.Command, err)
		}
		break
	}
}

// watched is a member that has been asked for the stream.
func (c *cluster) watched() string {
	names := c.names()
	return slices.MaxFunc(names, func(a, b string) int {
		return int(c.members[a].count("Watch").Load() - c.members[b].count("Watch").Load())
	})
}

// Scenario stale-watch, for a caller outside: he is told.
func TestAWatchOfWhatNobodyHasAnyMore(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	if _, err := client.Propose(c.ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range c.names() {
		node := c.members[name].node
		c.eventually(name+"'s log is cut off", func() bool {
			if _, err := client.Propose(c.ctx, 1); err != nil {
				t.Fatal(err)
			}
			if err := node.Snapshot(c.ctx); err != nil {
				t.Fatal(err)
			}
			for _, err := range node.Committed(c.soon(0), 1) {
				return errors.Is(err, balsa.ErrCompacted)
			}
			return false
		})
	}
	for _, err := range client.Committed(c.ctx, 1) {
		if !errors.Is(err, balsa.ErrCompacted) {
			t.Errorf("%v, want ErrCompacted", err)
		}
		break
	}
}

// A member that is cut off from the cluster sees nothing new, and says so.
func TestAWatchLeavesAMemberThatIsCutOff(t *testing.T) {
	c := found(t, "a", "b", "c")
	client := c.dial(c.addrs()...)
	started := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range client.Committed(c.ctx, 1) {
			if err != nil {
				t.Error(err)
				return
			}
			if e.Command == 1 {
				close(started)
			}
			if e.Command == 2 {
				return
			}
		}
	}()
	if _, err := client.Propose(c.ctx, 1); err != nil {
		t.Fatal(err)
	}
	<-started
	alone := c.watched()
	rest := slices.DeleteFunc(c.names(), func(n string) bool { return n == alone })
	c.network.Partition([]string{alone + ":1"}, []string{rest[0] + ":1", rest[1] + ":1"})
	if _, err := client.Propose(c.ctx, 2); err != nil {
		t.Fatal(err)
	}
	<-done
}
