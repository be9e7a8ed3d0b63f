package balsa_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// counter counts commands and looks at nothing else, so that benchmarks measure the
// library.
type counter struct{ n uint64 }

func (c *counter) Apply(_ balsa.Entry, _ []byte) uint64 { c.n++; return c.n }

func (c *counter) Snapshot() (io.WriterTo, error) {
	return bytes.NewReader(binary.LittleEndian.AppendUint64(nil, c.n)), nil
}

func (c *counter) Restore(r io.Reader) error { return binary.Read(r, binary.LittleEndian, &c.n) }

type counterNode = balsa.Node[*counter, []byte, uint64]

// openCounters opens members on loopback sockets and real files, with real syncs, and
// returns them with the leader first.
func openCounters(tb testing.TB, members int, timing balsa.Timing) []*counterNode {
	tb.Helper()
	founders := map[string]string{}
	for i := range members {
		founders[fmt.Sprintf("m%d", i)] = freeAddr()
	}
	var nodes []*counterNode
	for name, addr := range founders {
		cfg := balsa.Config{
			Name: name, Dir: tb.TempDir(), Listen: addr, Timing: timing, Logger: slog.New(slog.DiscardHandler),
		}
		if members > 1 {
			cfg.Cluster = founders
		}
		node, err := balsa.Open(context.Background(), cfg, &counter{})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { node.Close() })
		nodes = append(nodes, node)
	}
	for _, node := range nodes {
		if _, err := node.Propose(context.Background(), []byte("first")); err != nil {
			tb.Fatal(err)
		}
	}
	slices.SortFunc(nodes, func(a, b *counterNode) int {
		if a.Status().Role == "leader" {
			return -1
		}
		return 1
	})
	return nodes
}

// BenchmarkCluster measures closed-loop callers on the leader, each of which waits for
// commit and apply before its next proposal: three members over loopback TCP, each with
// its own directory and real syncs. Beside ns/op it reports proposals a second, the
// 50th and 99th percentile, and allocations a proposal in all three members together.
func BenchmarkCluster(b *testing.B) {
	for _, size := range []int{16, 256, 4096} {
		for _, callers := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("members=3/size=%d/callers=%d/sync=on", size, callers), func(b *testing.B) {
				nodes := openCounters(b, 3, balsa.DefaultTiming)
				b.ResetTimer()
				propose(b, nodes[0], callers, size)
			})
		}
	}
}

// BenchmarkFollower is BenchmarkCluster with the callers on a follower.
func BenchmarkFollower(b *testing.B) {
	nodes := openCounters(b, 3, balsa.DefaultTiming)
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("members=3/size=256/callers=%d/sync=on", callers), func(b *testing.B) {
			propose(b, nodes[1], callers, 256)
		})
	}
}

// BenchmarkRead measures linearizable reads on a follower and on the leader.
func BenchmarkRead(b *testing.B) {
	nodes := openCounters(b, 3, balsa.DefaultTiming)
	for i, at := range []string{"leader", "follower"} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("at=%s/callers=%d", at, callers), func(b *testing.B) {
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							if err := nodes[i].Read(context.Background(), func(*counter) {}); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
			})
		}
	}
}

func propose(b *testing.B, node *counterNode, callers, size int) {
	var left atomic.Int64
	left.Store(int64(b.N))
	command := bytes.Repeat([]byte("x"), size)
	took := make([][]time.Duration, callers)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				start := time.Now()
				if _, err := node.Propose(context.Background(), command); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	flat := slices.Concat(took...)
	slices.Sort(flat)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proposals/s")
	b.ReportMetric(float64(flat[len(flat)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(flat[len(flat)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/proposal")
}

// A proposal on the leader makes no more than a handful of allocations, end to end.
func TestAProposalMakesAHandfulOfAllocations(t *testing.T) {
	node := openCounters(t, 1, balsa.DefaultTiming)[0]
	const callers, each = 64, 200
	run := func() {
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range each {
					if _, err := node.Propose(context.Background(), []byte("a command")); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	// The best of some runs: on a machine that is busy with other things, batches are of
	// any size.
	per := math.Inf(1)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		per = min(per, float64(after.Mallocs-before.Mallocs)/(callers*each))
	}
	t.Logf("%.2f allocations a proposal", per)
	if per > 6 {
		t.Errorf("%.2f allocations a proposal, want no more than a handful", per)
	}
}
