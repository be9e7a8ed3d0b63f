package snapshot

import (
	"io"
	"os"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

const benchmarkBytes = 64 << 20

func benchmarkStore(b *testing.B) *Store {
	fs, err := fsys.Dir(b.TempDir())
	must(b, err)
	s, err := Open(fs, 1)
	must(b, err)
	b.SetBytes(benchmarkBytes)
	b.ReportAllocs()
	return s
}

// BenchmarkWrite takes snapshots: written, synced, read back, older ones removed.
func BenchmarkWrite(b *testing.B) {
	state := stateAt(1, benchmarkBytes)
	b.Run("bytes=64MiB/store=snapshot", func(b *testing.B) {
		s := benchmarkStore(b)
		index := wire.Index(0)
		for b.Loop() {
			index++
			must(b, take(s, metaAt(index), state))
		}
	})
	// The baseline is a file without checksums.
	b.Run("bytes=64MiB/store=bare", func(b *testing.B) {
		b.SetBytes(benchmarkBytes)
		dir := b.TempDir()
		for b.Loop() {
			f, err := os.Create(dir + "/x")
			must(b, err)
			_, err = f.Write(state)
			must(b, err)
			must(b, f.Sync())
			must(b, f.Close())
		}
	})
}

func BenchmarkRead(b *testing.B) {
	s := benchmarkStore(b)
	must(b, take(s, metaAt(1), stateAt(1, benchmarkBytes)))
	for name, do := range map[string]func() (io.ReadCloser, error){
		"bytes=64MiB/by=reader": func() (io.ReadCloser, error) { return s.Open(metaAt(1).Pos) },
		"bytes=64MiB/by=source": func() (io.ReadCloser, error) {
			source, err := s.Source(metaAt(1).Pos)
			return struct {
				io.Reader
				io.Closer
			}{io.NewSectionReader(source, 0, source.Size()), source}, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchmarkBytes)
			b.ReportAllocs()
			for b.Loop() {
				r, err := do()
				must(b, err)
				buffer := make([]byte, 256<<10)
				_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, buffer)
				must(b, err)
				must(b, r.Close())
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	s := benchmarkStore(b)
	must(b, take(s, metaAt(1), stateAt(1, benchmarkBytes)))
	source, err := s.Source(metaAt(1).Pos)
	must(b, err)
	defer source.Close()
	file := make([]byte, source.Size())
	_, err = source.ReadAt(file, 0)
	must(b, err)
	b.Run("bytes=64MiB/piece=256KiB", func(b *testing.B) {
		s := benchmarkStore(b)
		for b.Loop() {
			must(b, arrive(s, metaAt(1), file, 256<<10))
		}
	})
}
