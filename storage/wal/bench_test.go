package wal

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// BenchmarkAppend writes entries to a real directory, each batch with a sync of its
// own. Segments are prepared beside it, as in a member at work, and compacted.
func BenchmarkAppend(b *testing.B) {
	for _, count := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("size=256/batch=%d/sync=on", count), func(b *testing.B) {
			files, err := fsys.Dir(b.TempDir())
			must(b, err)
			l, err := Open(files, Options{Member: 7})
			must(b, err)
			p := l.Prepare()
			must(b, l.Prepared(p, p.Run()))
			payload := bytes.Repeat([]byte{'x'}, 256)
			var prepared chan error
			b.SetBytes(int64(256 * count))
			b.ReportAllocs()
			for b.Loop() {
				next := l.Last().Index + 1
				l.Append(makeBatch(wire.Pos{Term: 1, Index: next}, count, func() []byte { return payload }))
				if next%(1<<16) < wire.Index(count) && next > 1<<17 {
					l.Compact(wire.Pos{Term: 1, Index: next - 1<<16})
				}
				flush(b, l)
				select {
				case err := <-prepared:
					must(b, l.Prepared(p, err))
					prepared = nil
				default:
				}
				if prepared == nil {
					if p = l.Prepare(); p != nil {
						done := make(chan error, 1)
						go func() { done <- p.Run() }()
						prepared = done
					}
				}
			}
			seconds := b.Elapsed().Seconds()
			b.ReportMetric(float64(b.N*count)/seconds, "appends/s")
			b.ReportMetric(float64(b.N)/seconds, "fsyncs/s")
			if prepared != nil {
				<-prepared
			}
			must(b, l.Close())
		})
	}
}

// BenchmarkOpen reads a log of a million entries back from a real directory, which the
// system has in its cache.
func BenchmarkOpen(b *testing.B) {
	for _, count := range []int{1, 64} {
		b.Run(fmt.Sprintf("entries=1000000/size=256/batch=%d", count), func(b *testing.B) {
			const entries = 1_000_000
			files, err := fsys.Dir(b.TempDir())
			must(b, err)
			l, err := Open(files, Options{Member: 7})
			must(b, err)
			payload := bytes.Repeat([]byte{'x'}, 256)
			for l.Last().Index < entries {
				for range 8192 / count {
					n := min(count, entries-int(l.Last().Index))
					if n == 0 {
						break
					}
					l.Append(makeBatch(wire.Pos{Term: 1, Index: l.Last().Index + 1}, n, func() []byte { return payload }))
				}
				flush(b, l)
			}
			must(b, l.Close())
			b.ReportAllocs()
			for b.Loop() {
				l, err := Open(files, Options{Member: 7})
				must(b, err)
				if l.Last().Index != entries {
					b.Fatalf("the log ends at %s", l.Last())
				}
				must(b, l.Close())
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/open")
		})
	}
}
