package balsa_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// meter keeps what a member's Meter is told.
type meter struct {
	mu       sync.Mutex
	batches  []balsa.Stages
	syncs    []balsa.Sync
	applies  []balsa.Applied
	changes  []balsa.Change
	reads    []time.Duration
	refusals []error
}

func (m *meter) tune(cfg *balsa.Config) {
	cfg.Meter = balsa.Meter{
		Proposed: func(s balsa.Stages) { m.add(func() { m.batches = append(m.batches, s) }) },
		Synced:   func(s balsa.Sync) { m.add(func() { m.syncs = append(m.syncs, s) }) },
		Applied:  func(a balsa.Applied) { m.add(func() { m.applies = append(m.applies, a) }) },
		Changed:  func(c balsa.Change) { m.add(func() { m.changes = append(m.changes, c) }) },
		Read:     func(took time.Duration, _ error) { m.add(func() { m.reads = append(m.reads, took) }) },
		Refused:  func(err error) { m.add(func() { m.refusals = append(m.refusals, err) }) },
	}
}

func (m *meter) add(what func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what()
}

// commands is how many commands it was told of.
func (m *meter) commands() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.batches {
		n += s.Commands
	}
	return n
}

func TestAMeterCountsEveryProposalOnceWhereItWasMade(t *testing.T) {
	inBubble(t, func(c *cluster) {
		slow := c.slowDisks("a", "b", "c")
		meters := map[string]*meter{}
		for _, name := range []string{"a", "b", "c"} {
			meters[name] = &meter{}
			c.open(name, withCluster("a", "b", "c"), meters[name].tune)
		}
		c.leader()
		slow(time.Millisecond, c.names()...)
		const each = 3000
		for _, name := range c.names() {
			for _, err := range c.nodes[name].ProposeAll(c.ctx, slices.Values(slices.Repeat([]int{1}, each))) {
				if err != nil {
					t.Fatal(err)
				}
			}
			c.read(name)
		}
		for name, m := range meters {
			c.eventually(name+"'s meter is told of all", func() bool { return m.commands() == each })
			m.mu.Lock()
			for _, s := range m.batches {
				if s.Total <= 0 || s.Waited+s.Ordered+s.Committed+s.Applied != s.Total || s.Committed <= 0 {
					t.Errorf("%s was told of %+v", name, s)
				}
			}
			if len(m.batches) > each/10 || len(m.reads) == 0 || len(m.changes) == 0 || len(m.applies) == 0 || len(m.refusals) > 0 {
				t.Errorf("%s was told of %d batches, %d reads, %d changes, %d applies and %d refusals",
					name, len(m.batches), len(m.reads), len(m.changes), len(m.applies), len(m.refusals))
			}
			m.mu.Unlock()
		}
	})
}

func TestAMeterIsToldWhyProposalsWereRefused(t *testing.T) {
	inBubble(t, func(c *cluster) {
		var m meter
		c.open("a", m.tune, func(cfg *balsa.Config) { cfg.MaxCommand = 10 })
		c.leader()
		if _, err := c.nodes["a"].Propose(c.ctx, 1e12); !errors.Is(err, balsa.ErrTooLarge) {
			t.Fatalf("a command that is too large: %v", err)
		}
		c.nodes["a"].Close()
		if _, err := c.nodes["a"].Propose(c.ctx, 1); !errors.Is(err, balsa.ErrClosed) {
			t.Fatalf("a command after Close: %v", err)
		}
		if len(m.refusals) != 2 || !errors.Is(m.refusals[0], balsa.ErrTooLarge) || !errors.Is(m.refusals[1], balsa.ErrClosed) {
			t.Errorf("the meter was told of %v", m.refusals)
		}
	})
}

func TestAMeterIsToldOfSlowSyncs(t *testing.T) {
	inBubble(t, func(c *cluster) {
		var m meter
		slow := c.slowDisks("a")
		c.open("a", m.tune)
		c.propose("a", 1) // opens the session
		slow(20*time.Millisecond, "a")
		c.propose("a", 1)
		c.eventually("the meter is told of both", func() bool { return m.commands() == 2 })
		if last := m.syncs[len(m.syncs)-1]; last.Took < 20*time.Millisecond || last.Err != nil || last.Bytes == 0 {
			t.Errorf("the meter was told of %+v, each sync takes 20ms", last)
		}
		if s := m.batches[len(m.batches)-1]; s.Persisted < 20*time.Millisecond || s.Total < s.Persisted {
			t.Errorf("the meter was told of %+v, each sync takes 20ms", s)
		}
	})
}

func TestAStatusSaysWhatWaits(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 1)
		c.agree()
		if load := c.nodes["a"].Status().Load; load.Proposals != 0 || load.ProposalBytes != 0 || load.Sessions == 0 || load.CacheHits == 0 {
			t.Errorf("nothing waits on a, and its load is %+v", load)
		}
		c.stop("b")
		c.stop("c")
		ctx, cancel := context.WithCancel(c.ctx)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { c.nodes["a"].Propose(ctx, 1) })
			all.Go(func() { c.nodes["a"].Read(ctx, func(ledgerMachine) {}) })
		}
		c.eventually("three of each wait", func() bool {
			load := c.nodes["a"].Status().Load
			return load.Proposals == 3 && load.ProposalBytes > 0 && load.Reads == 3
		})
		cancel()
		all.Wait()
		if load := c.nodes["a"].Status().Load; load.Proposals+load.ProposalBytes+load.Reads != 0 {
			t.Errorf("nobody waits any more, and the load is %+v", load)
		}
	})
}

func TestTwoMetersAreOne(t *testing.T) {
	inBubble(t, func(c *cluster) {
		var one, two meter
		c.open("a", one.tune, func(cfg *balsa.Config) {
			first := cfg.Meter
			two.tune(cfg)
			cfg.Meter = first.And(cfg.Meter).And(balsa.Meter{})
		})
		c.propose("a", 1)
		c.read("a")
		c.eventually("both are told", func() bool { return one.commands() == 1 && two.commands() == 1 })
		for _, m := range []*meter{&one, &two} {
			if len(m.syncs) == 0 || len(m.applies) == 0 || len(m.changes) == 0 || len(m.reads) == 0 {
				t.Errorf("one of two was told of %d syncs, %d applies, %d changes and %d reads", len(m.syncs), len(m.applies), len(m.changes), len(m.reads))
			}
		}
	})
}
