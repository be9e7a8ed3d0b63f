package raft_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// BenchmarkCore is what the algorithm itself costs: three cores whose saves and
// messages take no time. Nothing of a rival or a disk is in it; it is the ceiling of
// what all around the core can reach.
func BenchmarkCore(b *testing.B) {
	for _, batch := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { benchmarkCore(b, batch) })
	}
}

func benchmarkCore(b *testing.B, batch int) {
	c := newCluster(b, 3)
	b.ReportAllocs()
	for b.Loop() {
		c.propose(b, batch)
	}
	if s := c.cores[0].Status(); int(s.Committed) < b.N*batch {
		b.Fatalf("%d entries were proposed and %d committed", b.N*batch, s.Committed)
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "entries/s")
}

// cluster is cores with nothing around them: saves are durable and messages arrive at
// once.
type cluster struct {
	cores []*raft.Raft // of members 1, 2, …
	now   time.Duration
	mail  []wire.Message
}

// newCluster is a cluster that member 1 leads.
func newCluster(b testing.TB, members int, tune ...func(*raft.Config)) *cluster {
	c := &cluster{}
	var list []wire.Member
	for id := range members {
		list = append(list, wire.Member{ID: wire.MemberID(id + 1), Role: wire.Voter})
	}
	membership, err := wire.NewMembership(list...)
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range list {
		config := raft.Config{ID: m.ID, Random: func() uint64 { return 0 }}
		for _, f := range tune {
			f(&config)
		}
		core, err := raft.New(0, config, raft.State{
			HardState: wire.HardState{Term: 1},
			Spans:     []wire.Span{{Term: 1, First: 1, Last: 1, Membership: &membership}},
		})
		if err != nil {
			b.Fatal(err)
		}
		c.cores = append(c.cores, core)
	}
	c.now = time.Second
	c.cores[0].Campaign(c.now)
	c.settle(0)
	if s := c.cores[0].Status(); s.Role != raft.Leader {
		b.Fatalf("member 1 does not lead: %s", s)
	}
	return c
}

// propose has a batch committed and applied everywhere. The log is compacted now and
// then, or its description would grow without end.
func (c *cluster) propose(b testing.TB, batch int) {
	const size = 256
	if _, err := c.cores[0].Propose(c.now, batch, batch*size); err != nil {
		b.Fatal(err)
	}
	c.settle(0)
	if s := c.cores[0].Status(); int(s.Applied)%(1<<16) < batch {
		c.compact()
	}
}

// The benchmark's parts run in every test, so that they do not rot.
func TestCoreOfTheBenchmarkCommitsAndCompacts(t *testing.T) {
	c := newCluster(t, 3)
	for range 100 {
		c.propose(t, 1024)
	}
	for _, core := range c.cores {
		if s := core.Status(); s.Applied != 2+100*1024 {
			t.Errorf("%s has applied %d", s, s.Applied)
		}
		if _, ok := core.TermAt(1); ok {
			t.Errorf("%s still knows its first entry", core.Status())
		}
	}
}

// settle lets everything happen that follows from what core k was just asked.
func (c *cluster) settle(k int) {
	c.carryOut(k)
	for n := 0; n < len(c.mail); n++ {
		m := c.mail[n]
		k := int(m.To) - 1
		c.cores[k].Step(c.now, raft.Received{Message: m})
		c.carryOut(k)
	}
	c.mail = c.mail[:0]
}

// carryOut does what core k orders, until it orders nothing more.
func (c *cluster) carryOut(k int) {
	for {
		o := c.cores[k].Orders()
		c.mail = append(c.mail, o.Send...)
		if o.Committed > 0 {
			c.cores[k].Step(c.now, raft.Applied{Index: o.Committed})
		}
		if len(o.Saves) == 0 {
			return
		}
		c.cores[k].Step(c.now, raft.Saved{Seq: o.Saves[len(o.Saves)-1].Seq})
	}
}

func (c *cluster) compact() {
	for k, core := range c.cores {
		at := core.Status().Applied
		if term, ok := core.TermAt(at); ok {
			core.Step(c.now, raft.Compacted{Pos: wire.Pos{Term: term, Index: at}})
			c.settle(k)
		}
	}
}
