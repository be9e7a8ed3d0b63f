package kv

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// benchKeys is how many keys of 100 bytes the large state has; fewer where nothing is
// measured.
func benchKeys() int {
	if testing.Short() {
		return 10_000
	}
	return 1_000_000
}

func fill(b testing.TB, m *Machine, l *log, keys int) {
	const batch = 1000
	entries, commands := make([]balsa.Entry, batch), make([]Command, batch)
	for i := 0; i < keys; i += batch {
		for j := range batch {
			entries[j] = l.entry(time.Microsecond)
			commands[j] = Do(Set(fmt.Sprintf("key-%012d", i+j), noise(i+j)))
		}
		m.ApplyBatch(entries, commands)
	}
}

// noise is 100 bytes that compress by half, as much of what people store does.
func noise(i int) []byte {
	v := make([]byte, 100)
	x := uint64(i)*0x9e3779b97f4a7c15 + 1
	for j := range 50 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		v[j] = byte(x)
	}
	return v
}

func BenchmarkApply(b *testing.B) {
	for _, batch := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			m, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			l := newLog()
			entries, commands := make([]balsa.Entry, batch), make([]Command, batch)
			n := 0
			for b.Loop() {
				for j := range batch {
					n++
					entries[j] = l.entry(time.Microsecond)
					commands[j] = Do(Set(fmt.Sprintf("key-%012d", n*7919%200_000), noise(n)))
				}
				m.ApplyBatch(entries, commands)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	m, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	fill(b, m, newLog(), benchKeys()/10)
	n := 0
	for b.Loop() {
		n++
		if _, err := m.Get(fmt.Sprintf("key-%012d", n*7919%(benchKeys()/10))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkState is a large state's life: filled, captured and written while commands go
// on, restored elsewhere, closed and opened.
func BenchmarkState(b *testing.B) {
	for b.Loop() {
		dir, l := b.TempDir(), newLog()
		m, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		fill(b, m, l, benchKeys())
		b.ReportMetric(float64(benchKeys())/time.Since(start).Seconds(), "filled/s")
		b.ReportMetric(heap(), "heap-MiB")

		f, err := os.Create(filepath.Join(b.TempDir(), "snapshot"))
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		w, err := m.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Microseconds()), "capture-µs")
		start = time.Now()
		written := make(chan error)
		go func() { _, err := w.WriteTo(f); written <- err }()
		longest := time.Duration(0)
		for wait := true; wait; {
			one := time.Now()
			m.Apply(l.entry(0), Do(Set("beside", nil)))
			longest = max(longest, time.Since(one))
			select {
			case err := <-written:
				if err != nil {
					b.Fatal(err)
				}
				wait = false
			default:
			}
		}
		b.ReportMetric(time.Since(start).Seconds(), "snapshot-s")
		b.ReportMetric(float64(longest.Microseconds()), "longest-apply-µs")

		start = time.Now()
		other, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		f.Seek(0, io.SeekStart)
		if err := other.Restore(f); err != nil || other.Len() < benchKeys() {
			b.Fatal(other.Len(), err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "restore-s")
		f.Close()
		if err := other.Close(); err != nil {
			b.Fatal(err)
		}
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if m, err = Open(dir, Options{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "open-ms")
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func heap() float64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc) / (1 << 20)
}
