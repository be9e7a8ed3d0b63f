package balsa_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/memory"
)

func TestTheZeroConfigIsOneMemberInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
		node, err := balsa.Open(t.Context(), balsa.Config{}, sum)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		for want := 5; want <= 15; want += 5 {
			if got, err := node.Propose(t.Context(), 5); err != nil || got != want {
				t.Fatalf("Propose = %d, %v; want %d", got, err, want)
			}
		}
		var seen int
		if err := node.Read(t.Context(), func(s *balsa.State[int, int, int]) { seen = s.Value }); err != nil || seen != 15 {
			t.Fatalf("Read saw %d, %v; want 15", seen, err)
		}
	})
}

func TestProposalsAndReadsFromAnyMember(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		want := 0
		for round := range 5 {
			for _, name := range c.names() {
				want += round + 1
				if got := c.propose(name, round+1); got != want {
					t.Fatalf("proposal on %s returned %d, want %d", name, got, want)
				}
				for _, reader := range c.names() {
					if got := c.read(reader); got != want {
						t.Fatalf("a linearizable read on %s after a proposal on %s saw %d, want %d", reader, name, got, want)
					}
				}
			}
		}
	})
}

func TestLearnersTakeProposalsAndReads(t *testing.T) {
	inBubble(t, func(c *cluster) {
		few := func(cfg *balsa.Config) { cfg.MaxVoters = 1 }
		c.open("a", few)
		c.leader()
		c.open("b", few, withJoin("a"))
		c.eventually("b is a learner", func() bool { return c.nodes["b"].Status().Role == "learner" })
		if got := c.propose("b", 7); got != 7 {
			t.Fatalf("proposal on a learner returned %d, want 7", got)
		}
		if got := c.read("b"); got != 7 {
			t.Fatalf("read on a learner saw %d, want 7", got)
		}
	})
}

func TestProposeAllAnswersInOrder(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for _, name := range c.names() {
			ones := slices.Repeat([]int{1}, 3000)
			before := c.read(name)
			n := 0
			for sum, err := range c.nodes[name].ProposeAll(c.ctx, slices.Values(ones)) {
				n++
				if err != nil || sum != before+n {
					t.Fatalf("on %s result %d is %d, %v; want %d", name, n, sum, err, before+n)
				}
			}
			if n != len(ones) {
				t.Fatalf("on %s %d results for %d commands", name, n, len(ones))
			}
		}
	})
}

// Scenario retry-twice: whatever the network loses, doubles and delays, and whoever
// leads, a command whose caller was answered is applied once.
func TestCommandsAreAppliedOnceInBadWeatherAndUnderChangingLeaders(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.network.SetWeather(memory.Weather{
			MinDelay: time.Millisecond, MaxDelay: 30 * time.Millisecond, Loss: 0.05, Duplicate: 0.1, Reorder: 0.1,
		})
		var callers sync.WaitGroup
		const each = 60
		for k, name := range c.names() {
			for caller := range 4 {
				callers.Go(func() {
					for i := range each {
						id := (k*10+caller)*1000 + i + 1
						if _, err := c.nodes[name].Propose(c.ctx, id); err != nil {
							t.Errorf("propose on %s: %v", name, err)
						}
					}
				})
			}
		}
		stop := make(chan struct{})
		var moving sync.WaitGroup
		moving.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(700 * time.Millisecond):
					ctx, cancel := context.WithTimeout(c.ctx, 2*time.Second)
					_ = c.nodes["a"].TransferLeadership(ctx, 0)
					cancel()
				}
			}
		})
		callers.Wait()
		close(stop)
		moving.Wait()
		c.network.SetWeather(memory.Weather{})
		all := c.agree()
		if got, want := len(all.Entries), 12*each; got != want {
			t.Errorf("%d commands were applied, %d were acknowledged", got, want)
		}
		slices.Sort(all.Entries)
		if twice := len(all.Entries) - len(slices.Compact(all.Entries)); twice > 0 {
			t.Errorf("%d commands were applied twice", twice)
		}
	})
}

func TestErrorsSayWhetherItHappened(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		for _, name := range c.names() {
			c.propose(name, 1)
		}
		leader := c.leader()
		others := c.followers()

		// The leader, alone, appends what it cannot commit.
		c.network.Partition([]string{addr(leader)}, []string{addr(others[0]), addr(others[1])})
		began := time.Now()
		_, err := c.nodes[leader].Propose(c.soon(200*time.Millisecond), 10)
		c.partitioned(err)
		if took := time.Since(began); took > 220*time.Millisecond {
			t.Errorf("a caller with a time limit of 200 ms was let go after %v", took)
		}
		if !errors.Is(err, balsa.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a proposal that is in a leader's log must be unknown: %v", err)
		}
		// Once it knows that it does not lead, new ones stay here.
		c.eventually("the old leader knows that it leads no more", func() bool { return c.nodes[leader].Status().Leader == "" })
		_, err = c.nodes[leader].Propose(c.soon(200*time.Millisecond), 100)
		c.partitioned(err)
		if !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrNoLeader) {
			t.Errorf("a proposal that never left must be not committed for want of a leader: %v", err)
		}
		err = c.nodes[leader].Read(c.soon(200*time.Millisecond), func(ledgerMachine) { t.Error("a deposed leader let a read in") })
		c.partitioned(err)
		if !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrNoLeader) {
			t.Errorf("a read without a leader: %v", err)
		}
		c.network.Heal()
		sum := c.propose(others[0], 1000)
		if got := c.agree(); slices.Contains(got.Entries, 100) || got.Sum != sum && !slices.Contains(got.Entries, 10) {
			t.Errorf("after ErrNotCommitted the command was applied: %v", got)
		}
	})
}

// TestManyLargeCommandsOfEachMember has more of them wait on each member than go to the log at
// once. Without a majority, who gives up hears at once that the command has not left.
func TestManyLargeCommandsOfEachMember(t *testing.T) {
	const each, size = 40, 64 << 10
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{T: t, ctx: t.Context(), network: memory.NewNetwork(1), disks: map[string]fsys.FS{}, timing: balsa.DefaultTiming}
		nodes := map[string]*balsa.Node[*balsa.State[int, []byte, int], []byte, int]{}
		for _, name := range []string{"a", "b", "c"} {
			cfg := c.config(name)
			withCluster("a", "b", "c")(&cfg)
			node, err := balsa.Open(c.ctx, cfg, balsa.Func(0, func(n *int, _ balsa.Entry, b []byte) int { *n += len(b); return *n }))
			if err != nil {
				t.Fatal(err)
			}
			defer node.Close()
			nodes[name] = node
		}
		command := make([]byte, size)
		var all sync.WaitGroup
		for _, node := range nodes {
			for range each {
				all.Go(func() {
					if _, err := node.Propose(c.ctx, command); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		for name, node := range nodes {
			sum := 0
			if err := node.Read(c.ctx, func(s *balsa.State[int, []byte, int]) { sum = s.Value }); err != nil || sum != 3*each*size {
				t.Errorf("%s has %d bytes, %v; want %d", name, sum, err, 3*each*size)
			}
		}

		c.network.Partition([]string{addr("a")}, []string{addr("b")}, []string{addr("c")})
		for nodes["a"].Status().Leader != "" {
			time.Sleep(100 * time.Millisecond)
		}
		patient, giveUp := context.WithCancel(c.ctx)
		for range each {
			all.Go(func() { nodes["a"].Propose(patient, command) })
		}
		synctest.Wait()
		if _, err := nodes["a"].Propose(c.soon(50*time.Millisecond), command); !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up behind %d others hears %v", each, err)
		}
		giveUp()
		all.Wait()
	})
}

func TestACommandOverTheLimitIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := balsa.Func(0, func(n *int, _ balsa.Entry, s string) int { *n += len(s); return *n })
		node, err := balsa.Open(t.Context(), balsa.Config{MaxCommand: 1000}, sink)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		if n, err := node.Propose(t.Context(), strings.Repeat("x", 1000)); err != nil || n != 1000 {
			t.Fatalf("a command at the limit: %d, %v", n, err)
		}
		_, err = node.Propose(t.Context(), strings.Repeat("x", 1001))
		var size *balsa.TooLargeError
		if !errors.Is(err, balsa.ErrNotCommitted) || !errors.Is(err, balsa.ErrTooLarge) || !errors.As(err, &size) || size.Size != 1001 {
			t.Fatalf("a command over the limit: %v", err)
		}
	})
}

// entries keeps what Apply is told beside the command.
func TestEveryMemberAppliesTheSameTimeAndSeed(t *testing.T) {
	type log = balsa.State[[]balsa.Entry, int, int]
	synctest.Test(t, func(t *testing.T) {
		network := memory.NewNetwork(1)
		names := []string{"a", "b", "c"}
		var nodes []*balsa.Node[*log, int, int]
		for _, name := range names {
			transport, err := network.Listen(addr(name))
			if err != nil {
				t.Fatal(err)
			}
			cfg := balsa.Config{Name: name, Transport: transport}
			withCluster(names...)(&cfg)
			keep := balsa.Func(nil, func(l *[]balsa.Entry, e balsa.Entry, _ int) int { *l = append(*l, e); return len(*l) })
			node, err := balsa.Open(t.Context(), cfg, keep)
			if err != nil {
				t.Fatal(err)
			}
			defer node.Close()
			nodes = append(nodes, node)
		}
		for i := range 30 {
			if _, err := nodes[i%3].Propose(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if i == 15 {
				if err := nodes[0].TransferLeadership(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		var logs [][]balsa.Entry
		for _, node := range nodes {
			if err := node.Read(t.Context(), func(l *log) { logs = append(logs, slices.Clone(l.Value)) }); err != nil {
				t.Fatal(err)
			}
		}
		seeds := map[uint64]bool{}
		for i, e := range logs[0] {
			if e != logs[1][i] || e != logs[2][i] {
				t.Errorf("entry %d differs between members: %v, %v, %v", i, e, logs[1][i], logs[2][i])
			}
			if i > 0 && (e.Time.Before(logs[0][i-1].Time) || e.Index <= logs[0][i-1].Index) {
				t.Errorf("entry %d goes back: %v after %v", i, e, logs[0][i-1])
			}
			seeds[e.Seed] = true
		}
		if len(seeds) != 30 {
			t.Errorf("30 entries have %d different seeds", len(seeds))
		}
	})
}

// Scenario session-expiry.
func TestAMemberThatWasSilentForLongProposesAgain(t *testing.T) {
	inBubble(t, func(c *cluster) {
		short := func(cfg *balsa.Config) { cfg.SessionTTL = 10 * time.Second }
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), short)
		}
		follower := c.followers()[0]
		c.propose(follower, 1)
		time.Sleep(time.Minute)
		if got := c.propose(follower, 1); got != 2 {
			t.Errorf("the sum is %d, want 2", got)
		}
		// Cut off for longer than its session lives, with a command that may have left.
		c.network.Partition([]string{addr(follower)}, others(c.names(), follower))
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes[follower].Propose(c.ctx, 100)
			done <- err
		}()
		for range 60 {
			time.Sleep(time.Second)
			c.propose(c.leaderOf(others2(c.names(), follower)...), 0)
		}
		c.network.Heal()
		err := <-done
		if err != nil {
			c.partitioned(err)
		}
		applied := slices.Contains(c.agree().Entries, 100)
		if applied && errors.Is(err, balsa.ErrNotCommitted) || !applied && err == nil {
			t.Errorf("the error says %v, and the command was applied: %v", err, applied)
		}
		c.propose(follower, 1)
	})
}

func others(names []string, but string) (addrs []string) {
	for _, name := range others2(names, but) {
		addrs = append(addrs, addr(name))
	}
	return addrs
}

func others2(names []string, but string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == but })
}

func TestACommandThatJSONWouldAlterIsRefused(t *testing.T) {
	type set struct{ Key string }
	synctest.Test(t, func(t *testing.T) {
		keys := balsa.Func(nil, func(keys *[]string, _ balsa.Entry, s set) int { *keys = append(*keys, s.Key); return len(*keys) })
		node, err := balsa.Open(t.Context(), balsa.Config{}, keys)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		if n, err := node.Propose(t.Context(), set{"ä"}); err != nil || n != 1 {
			t.Fatalf("a command of text: %d, %v", n, err)
		}
		if _, err := node.Propose(t.Context(), set{"\xff"}); !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), "UTF-8") {
			t.Fatalf("a command with bytes that are no text: %v", err)
		}
	})
}
