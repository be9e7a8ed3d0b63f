package balsa_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/memory"
)

// ledger is the state that most tests replicate: the sum of what was added, and the
// order in which it was.
type ledger struct {
	Sum     int
	Entries []int
}

type (
	ledgerMachine = *balsa.State[ledger, int, int]
	ledgerNode    = balsa.Node[ledgerMachine, int, int]
)

// newLedger adds each command up and returns the sum.
func newLedger() ledgerMachine {
	return balsa.Func(ledger{}, func(l *ledger, _ balsa.Entry, add int) int {
		l.Sum += add
		l.Entries = append(l.Entries, add)
		return l.Sum
	})
}

// cluster is members in one process, on a network and disks in memory. Made in a
// synctest bubble, it lives by the bubble's clock.
type cluster struct {
	*testing.T
	ctx     context.Context
	network *memory.Network
	disks   map[string]fsys.FS
	nodes   map[string]*ledgerNode
	timing  balsa.Timing
}

// inBubble runs a test on a clock of its own: waiting takes no time, and goroutines
// that are left over fail the test.
func inBubble(t *testing.T, test func(c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		c := &cluster{
			T: t, ctx: ctx, network: memory.NewNetwork(1), disks: map[string]fsys.FS{}, nodes: map[string]*ledgerNode{},
			timing: balsa.DefaultTiming,
		}
		defer c.stopAll()
		test(c)
	})
}

// config is a member's: its name is its address.
func (c *cluster) config(name string) balsa.Config {
	if c.disks[name] == nil {
		c.disks[name] = fsys.NewMemory()
	}
	transport, err := c.network.Listen(addr(name))
	if err != nil {
		c.Fatal(err)
	}
	return balsa.Config{
		Name: name, Files: c.disks[name], Transport: transport, Advertise: addr(name), Timing: c.timing,
		Logger: slog.New(slog.NewTextHandler(c.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})).With("member", name),
	}
}

func addr(name string) string { return name + ":1" }

// found opens members that found a cluster together.
func (c *cluster) found(names ...string) {
	c.Helper()
	for _, name := range names {
		c.open(name, withCluster(names...))
	}
	c.leader()
}

func withCluster(names ...string) func(*balsa.Config) {
	return func(cfg *balsa.Config) {
		cfg.Cluster = map[string]string{}
		for _, name := range names {
			cfg.Cluster[name] = addr(name)
		}
	}
}

func withJoin(names ...string) func(*balsa.Config) {
	return func(cfg *balsa.Config) {
		for _, name := range names {
			cfg.Join = append(cfg.Join, addr(name))
		}
	}
}

// open starts a member on its disk, again or for the first time.
func (c *cluster) open(name string, options ...func(*balsa.Config)) *ledgerNode {
	c.Helper()
	cfg := c.config(name)
	for _, option := range options {
		option(&cfg)
	}
	node, err := balsa.Open(c.ctx, cfg, newLedger())
	if err != nil {
		c.Fatalf("open %s: %v", name, err)
	}
	c.nodes[name] = node
	return node
}

func (c *cluster) names() []string { return slices.Sorted(maps.Keys(c.nodes)) }

// stop closes a member; its disk stays.
func (c *cluster) stop(name string) {
	c.Helper()
	if err := c.nodes[name].Close(); err != nil {
		c.Errorf("close %s: %v", name, err)
	}
	delete(c.nodes, name)
}

// wipe forgets a stopped member's disk.
func (c *cluster) wipe(name string) { delete(c.disks, name) }

func (c *cluster) stopAll() {
	for _, name := range c.names() {
		c.nodes[name].Close()
	}
}

// eventually waits until something holds, on the test's clock.
func (c *cluster) eventually(what string, holds func() bool) {
	c.Helper()
	for range 3000 {
		if holds() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, name := range c.names() {
		c.Log(c.nodes[name].Status())
	}
	c.Fatalf("waited for a minute: %s", what)
}

// leader waits until all members know the same leader, and names it.
func (c *cluster) leader() (name string) {
	c.Helper()
	return c.leaderOf(c.names()...)
}

func (c *cluster) leaderOf(members ...string) (name string) {
	c.Helper()
	c.eventually(fmt.Sprintf("a leader of %v", members), func() bool {
		name = c.nodes[members[0]].Status().Leader
		for _, m := range members {
			if s := c.nodes[m].Status(); s.Leader == "" || s.Leader != name {
				return false
			}
		}
		return slices.Contains(members, name) && c.nodes[name].Status().Role == "leader"
	})
	return name
}

// followers are all but the leader.
func (c *cluster) followers() []string {
	c.Helper()
	leader := c.leader()
	return slices.DeleteFunc(c.names(), func(name string) bool { return name == leader })
}

func (c *cluster) propose(name string, add int) int {
	c.Helper()
	sum, err := c.nodes[name].Propose(c.ctx, add)
	if err != nil {
		c.Fatalf("propose %d on %s: %v", add, name, err)
	}
	return sum
}

// read is the sum that a linearizable read sees.
func (c *cluster) read(name string, options ...balsa.ReadOption) (sum int) {
	c.Helper()
	err := c.nodes[name].Read(c.ctx, func(l ledgerMachine) { sum = l.Value.Sum }, options...)
	if err != nil {
		c.Fatalf("read on %s: %v", name, err)
	}
	return sum
}

// agree waits until all members have applied the same, and returns it.
func (c *cluster) agree() (all ledger) {
	c.Helper()
	c.eventually("all members apply the same", func() bool {
		all = c.peek(c.names()[0])
		for _, name := range c.names() {
			if l := c.peek(name); l.Sum != all.Sum || !slices.Equal(l.Entries, all.Entries) {
				return false
			}
		}
		return true
	})
	return all
}

// peek is a member's own state, however old.
func (c *cluster) peek(name string) (l ledger) {
	c.Helper()
	err := c.nodes[name].Read(c.ctx, func(m ledgerMachine) {
		l = ledger{m.Value.Sum, slices.Clone(m.Value.Entries)}
	}, balsa.AtLeast(0))
	if err != nil {
		c.Fatalf("read on %s: %v", name, err)
	}
	return l
}

// soon is a context that ends after d.
func (c *cluster) soon(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(c.ctx, d)
	c.Cleanup(cancel)
	return ctx
}

// partition checks that an error says whether the thing happened.
func (c *cluster) partitioned(err error) {
	c.Helper()
	if errors.Is(err, balsa.ErrNotCommitted) == errors.Is(err, balsa.ErrUnknown) {
		c.Errorf("an error must be exactly one of ErrNotCommitted and ErrUnknown: %v", err)
	}
}
