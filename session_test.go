package balsa_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/memory"
)

// caller is somebody outside the cluster, who numbers his commands.
type caller struct {
	*cluster
	session balsa.SessionID
}

func (c *cluster) caller(through string, ttl time.Duration) caller {
	c.Helper()
	id, err := c.nodes[through].OpenSession(c.ctx, ttl)
	if err != nil {
		c.Fatalf("open a session through %s: %v", through, err)
	}
	return caller{c, id}
}

func (c caller) ask(through string, seq uint64, add int) int {
	c.Helper()
	sum, err := c.nodes[through].ProposeAs(c.ctx, balsa.Call{Session: c.session, Seq: seq, Low: 1}, add)
	if err != nil {
		c.Fatalf("command %d through %s: %v", seq, through, err)
	}
	return sum
}

func TestACommandRepeatedThroughAnyMemberRunsOnceAndHasOneResult(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		caller := c.caller("a", 0)
		for seq, want := range []int{1: 7, 2: 14, 3: 21} {
			if seq == 0 {
				continue
			}
			for _, name := range c.names() {
				if got := caller.ask(name, uint64(seq), 7); got != want {
					t.Errorf("command %d through %s returned %d, want %d", seq, name, got, want)
				}
			}
		}
		if got := caller.ask("b", 1, 7); got != 7 {
			t.Errorf("the first command, asked again after others, returned %d, want 7", got)
		}
		if all := c.agree(); all.Sum != 21 {
			t.Errorf("three commands of 7 are %v", all)
		}
	})
}

func TestOneCommandThroughTwoMembersAtOnceRunsOnce(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		caller := c.caller("a", 0)
		c.network.SetWeather(memory.Weather{MaxDelay: 20 * time.Millisecond, Duplicate: 0.1, Reorder: 0.2})
		const commands = 100
		results := make([][]int, commands+1)
		var mu sync.Mutex
		var all sync.WaitGroup
		for seq := 1; seq <= commands; seq++ {
			for _, name := range c.names() {
				all.Go(func() {
					sum, err := c.nodes[name].ProposeAs(c.ctx, balsa.Call{Session: caller.session, Seq: uint64(seq), Low: 1}, seq)
					if err != nil {
						t.Errorf("command %d through %s: %v", seq, name, err)
					}
					mu.Lock()
					defer mu.Unlock()
					results[seq] = append(results[seq], sum)
				})
			}
		}
		all.Wait()
		c.network.SetWeather(memory.Weather{})
		for seq, got := range results[1:] {
			if len(slices.Compact(got)) != 1 {
				t.Errorf("command %d has the results %v", seq+1, got)
			}
		}
		if l := c.agree(); len(l.Entries) != commands || l.Sum != commands*(commands+1)/2 {
			t.Errorf("%d commands ran, their sum is %d", len(l.Entries), l.Sum)
		}
	})
}

// Scenario retry-twice, for a caller outside: the leader has committed the command, and
// is gone before it answers.
func TestTheLeaderDiesBetweenCommitAndAnswer(t *testing.T) {
	inBubble(t, func(c *cluster) {
		reached, release := make(chan string, 3), make(chan struct{})
		for _, name := range []string{"a", "b", "c"} {
			cfg := c.config(name)
			withCluster("a", "b", "c")(&cfg)
			node, err := balsa.Open(c.ctx, cfg, balsa.Func(ledger{}, func(l *ledger, _ balsa.Entry, add int) int {
				if add == 5 {
					reached <- name
					<-release // until the test lets it go on, the leader cannot answer
				}
				l.Sum += add
				l.Entries = append(l.Entries, add)
				return l.Sum
			}))
			if err != nil {
				t.Fatal(err)
			}
			c.nodes[name] = node
		}
		leader := c.leader()
		others := c.followers()
		caller := c.caller(leader, 0)
		caller.ask(leader, 1, 1)

		ctx, cancel := context.WithCancel(c.ctx)
		first := make(chan error, 1)
		go func() {
			_, err := c.nodes[leader].ProposeAs(ctx, balsa.Call{Session: caller.session, Seq: 2}, 5)
			first <- err
		}()
		for <-reached != leader { // it applies the command: so it is committed
		}
		c.network.Partition([]string{addr(leader)}, []string{addr(others[0]), addr(others[1])})
		cancel()
		if err := <-first; !errors.Is(err, balsa.ErrUnknown) {
			t.Fatalf("the first attempt ended with %v, want ErrUnknown", err)
		}
		close(release)
		if got := caller.ask(others[0], 2, 5); got != 6 {
			t.Errorf("the second attempt returned %d, want the first one's 6", got)
		}
		c.network.Heal()
		if got := c.agree().Entries; !slices.Equal(got, []int{1, 5}) {
			t.Errorf("what ran is %v, want 1 and 5 once", got)
		}
	})
}

// Scenario session-in-snapshot, for a caller outside.
func TestACallersResultsAreInSnapshots(t *testing.T) {
	inBubble(t, func(c *cluster) {
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), withSmallSnapshots)
		}
		late := c.followers()[0]
		c.stop(late)
		there := c.names()
		caller := c.caller(there[0], 0)
		caller.ask(there[0], 1, 41)
		for range 3000 {
			c.propose(there[1], 1)
		}
		if c.nodes[there[1]].Status().Snapshot == 0 {
			t.Fatal("no snapshot was taken")
		}
		c.open(late, withSmallSnapshots)
		if got := caller.ask(late, 1, 41); got != 41 {
			t.Errorf("through a member that got a snapshot the repeated command returned %d, want 41", got)
		}
		for _, name := range c.names() {
			c.stop(name)
		}
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withSmallSnapshots)
		}
		if got := caller.ask("b", 1, 41); got != 41 {
			t.Errorf("after a restart of all the repeated command returned %d, want 41", got)
		}
		if got := c.agree().Sum; got != 3041 {
			t.Errorf("the sum is %d, want 3041", got)
		}
	})
}

// Scenario session-expiry, for a caller outside.
func TestACallersSessionExpiresForAllMembersAlike(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		brief, long := c.caller("a", 10*time.Second), c.caller("b", time.Hour)
		brief.ask("a", 1, 1)
		long.ask("a", 1, 1)
		time.Sleep(11 * time.Second)
		for _, name := range c.names() {
			for _, seq := range []uint64{1, 2} {
				_, err := c.nodes[name].ProposeAs(c.ctx, balsa.Call{Session: brief.session, Seq: seq}, 100)
				c.partitioned(err)
				if !errors.Is(err, balsa.ErrSessionExpired) {
					t.Errorf("command %d of an expired session through %s: %v", seq, name, err)
				}
			}
			long.ask(name, 1, 1)
		}
		if err := c.nodes["c"].CloseSession(c.ctx, long.session); err != nil {
			t.Fatal(err)
		}
		_, err := c.nodes["a"].ProposeAs(c.ctx, balsa.Call{Session: long.session, Seq: 2}, 100)
		if !errors.Is(err, balsa.ErrSessionExpired) || !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("a command of a closed session: %v", err)
		}
		if got := c.agree().Sum; got != 2 {
			t.Errorf("the sum is %d, want 2: an expired session's command ran", got)
		}
		c.propose("a", 1)
	})
}

// A member whose own session has expired is none of the caller's business.
func TestAMembersOwnSessionExpiresUnnoticedByCallers(t *testing.T) {
	inBubble(t, func(c *cluster) {
		short := func(cfg *balsa.Config) { cfg.SessionTTL = 10 * time.Second }
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), short)
		}
		follower := c.followers()[0]
		caller := c.caller(follower, time.Hour)
		caller.ask(follower, 1, 1)
		c.network.Partition([]string{addr(follower)}, others(c.names(), follower))
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes[follower].ProposeAs(c.ctx, balsa.Call{Session: caller.session, Seq: 2}, 100)
			done <- err
		}()
		for range 60 {
			time.Sleep(time.Second)
			c.propose(c.leaderOf(others2(c.names(), follower)...), 0)
		}
		c.network.Heal()
		if err := <-done; err != nil {
			t.Errorf("the caller's command: %v", err)
		}
		if got := c.agree().Sum; got != 101 {
			t.Errorf("the sum is %d, want 101", got)
		}
	})
}

func TestACommandThatItsCallerGaveUpDoesNotRunLater(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		caller := c.caller("a", 0)
		caller.ask("a", 1, 1)
		if _, err := c.nodes["b"].ProposeAs(c.ctx, balsa.Call{Session: caller.session, Seq: 3, Low: 3}, 10); err != nil {
			t.Fatal(err)
		}
		_, err := c.nodes["c"].ProposeAs(c.ctx, balsa.Call{Session: caller.session, Seq: 2}, 100)
		if !errors.Is(err, balsa.ErrUnknown) {
			t.Errorf("a command below Low: %v, want ErrUnknown", err)
		}
		if got := c.agree().Sum; got != 11 {
			t.Errorf("the sum is %d, want 11", got)
		}
		for _, bad := range []balsa.Call{{}, {Session: 1}, {Seq: 1}, {Session: 1, Seq: 1, Low: 2}, {Session: 1, Seq: balsa.MaxSessionWindow + 1, Low: 1}} {
			if _, err := c.nodes["a"].ProposeAs(c.ctx, bad, 1); !errors.Is(err, balsa.ErrConfig) || !errors.Is(err, balsa.ErrNotCommitted) {
				t.Errorf("%+v: %v, want ErrConfig", bad, err)
			}
		}
	})
}

// A state machine with a disk of its own is not told again what it holds, so that its
// results are not known after a restart. The command does not run again for that.
func TestALostResultIsSaidToBeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files, disk := fsys.NewMemory(), &stored{}
		open := func() *balsa.Node[*durable, int64, int64] {
			node, err := balsa.Open(t.Context(), balsa.Config{Files: files}, &durable{disk: disk})
			if err != nil {
				t.Fatal(err)
			}
			return node
		}
		node := open()
		id, err := node.OpenSession(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		call := balsa.Call{Session: id, Seq: 1}
		if sum, err := node.ProposeAs(t.Context(), call, 5); sum != 5 || err != nil {
			t.Fatalf("%d, %v; want 5", sum, err)
		}
		node.Close()
		node = open()
		defer node.Close()
		if _, err := node.ProposeAs(t.Context(), call, 5); !errors.Is(err, balsa.ErrResultLost) || !errors.Is(err, balsa.ErrUnknown) {
			t.Errorf("after a restart: %v, want ErrResultLost", err)
		}
		if sum, err := node.Propose(t.Context(), 1); sum != 6 || err != nil {
			t.Errorf("the sum is %d, %v; want 6", sum, err)
		}
	})
}

func TestCommandsOfCallersAreInTheStreamOfCommittedOnesOnce(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		caller := c.caller("a", 0)
		for seq := range 4 {
			for _, name := range c.names() {
				caller.ask(name, uint64(seq+1), seq+1)
			}
		}
		c.propose("a", 99)
		c.agree()
		for _, name := range c.names() {
			var got []int
			for e, err := range c.nodes[name].Committed(c.ctx, 1) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, e.Command); e.Command == 99 {
					break
				}
			}
			if !slices.Equal(got, []int{1, 2, 3, 4, 99}) {
				t.Errorf("%s streams %v", name, got)
			}
		}
	})
}
