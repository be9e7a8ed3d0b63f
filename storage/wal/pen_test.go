package wal

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// pieces is a directory whose files take whole blocks, and note what they were given.
type pieces struct {
	fsys.FS
	written []piece
	forget  bool // what is written
}

type piece struct {
	off  int64
	size int
	sync bool
}

func (p *pieces) Open(name string) (fsys.File, error) {
	f, err := p.FS.Open(name)
	return &pieceFile{f, p}, err
}

type pieceFile struct {
	fsys.File
	dir *pieces
}

func (f *pieceFile) WriteBlocks(b []byte, off int64, sync bool) error {
	f.dir.written = append(f.dir.written, piece{off, len(b), sync})
	if f.dir.forget {
		return nil
	}
	_, err := f.WriteAt(b, off)
	return err
}

// TestEachPieceOfAFlushIsSynced is scenario unsynced-ack for a long flush: a sync that goes
// with a write makes that write durable, and says nothing of those before it.
func TestEachPieceOfAFlushIsSynced(t *testing.T) {
	const segment = 256 << 10
	dir := &pieces{FS: fsys.NewMemory()}
	l, err := Open(dir, Options{SegmentBytes: segment, Member: 7})
	must(t, err)
	want := model{}
	next := wire.Index(1)
	for range 3 {
		dir.written = nil
		for range 9 {
			b := makeBatch(wire.Pos{Term: 1, Index: next}, 2, func() []byte { return bytes.Repeat([]byte{byte(next)}, 9999) })
			l.Append(b)
			want.append(b)
			next += 2
		}
		flush(t, l)
		if len(dir.written) < 4 {
			t.Errorf("a flush of 180 KB was written in %d pieces", len(dir.written))
		}
		for _, p := range dir.written {
			if !p.sync || p.size > segment/8 {
				t.Errorf("a piece of %d bytes at offset %d, synced: %t; want each synced, and none of more than %d", p.size, p.off, p.sync, segment/8)
			}
		}
	}
	must(t, l.Close())
	opens(t, dir, want)
}

// TestALargeFlushTakesNoMemoryAnew: what a flush needs beside the batches it has from the one
// before, however much is written.
func TestALargeFlushTakesNoMemoryAnew(t *testing.T) {
	const size, most = 6 << 20, 64 << 10
	dir := &pieces{FS: fsys.NewMemory(), forget: true}
	l, err := Open(dir, Options{SegmentBytes: 16 << 20, CacheBytes: 1, Member: 7})
	must(t, err)
	b := makeBatch(wire.Pos{Term: 1, Index: 1}, 1, func() []byte { return make([]byte, size) })
	taken := func() uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l.Append(b)
		f := l.Flush()
		must(t, l.Flushed(f, f.Run()))
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	taken() // makes a segment, and the memory that stays
	taken()
	if n := taken(); n > most {
		t.Errorf("a flush of %d bytes took %d bytes of memory, want at most %d", size, n, most)
	}
}
