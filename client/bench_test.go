package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/balsaraft/balsa"
)

// BenchmarkPropose measures closed-loop callers, through the client beside the leader's
// node itself: three members in this process, with disks and network in memory between
// them, and HTTP over loopback to the caller. It shows what the way from outside costs.
func BenchmarkPropose(b *testing.B) {
	c := found(b, "a", "b", "c")
	outside := c.dial(c.addrs()...)
	if err := outside.Ready(context.Background()); err != nil {
		b.Fatal(err)
	}
	leader := c.members[c.leader()].node
	for _, caller := range []struct {
		name string
		of   balsa.Cluster[int, int]
	}{{"client", outside}, {"node", leader}} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("through=%s/members=3/callers=%d/disk=memory", caller.name, callers), func(b *testing.B) {
				closedLoop(b, callers, func() error { _, err := caller.of.Propose(context.Background(), 0); return err })
			})
		}
	}
}

// BenchmarkQuery is BenchmarkPropose for linearizable reads.
func BenchmarkQuery(b *testing.B) {
	c := found(b, "a", "b", "c")
	outside := c.dial(c.addrs()...)
	for _, caller := range []struct {
		name string
		of   balsa.Cluster[int, int]
	}{{"client", outside}, {"node", c.members[c.leader()].node}} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("through=%s/members=3/callers=%d", caller.name, callers), func(b *testing.B) {
				closedLoop(b, callers, func() error { _, err := question(caller.of, context.Background()); return err })
			})
		}
	}
}

func closedLoop(b *testing.B, callers int, call func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
