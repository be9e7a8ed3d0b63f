package wal

import (
	"slices"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// TestWhatNobodyHasReadStaysInMemory: who applies entries finds them there, as a follower does
// that hears of a commit after it has written several batches more.
func TestWhatNobodyHasReadStaysInMemory(t *testing.T) {
	batch := func(i wire.Index) wire.Batch { return entry(1, i, "12345678") }
	size := len(batch(1))
	l, err := Open(fsys.NewMemory(), Options{CacheBytes: 2 * size, Member: 7})
	must(t, err)
	for i := range wire.Index(20) {
		l.Append(batch(i + 1))
		flush(t, l)
	}
	held := func(want ...wire.Index) {
		t.Helper()
		var found []wire.Index
		for i := range wire.Index(20) {
			if _, ok := l.Cached(i+1, i+1, size); ok {
				found = append(found, i+1)
			}
		}
		if !slices.Equal(found, want) {
			t.Errorf("memory holds entries %v, want %v", found, want)
		}
		if l.CachedBytes() > MostCached(2*size) {
			t.Errorf("memory holds %d bytes, of at most %d", l.CachedBytes(), MostCached(2*size))
		}
	}
	held(13, 14, 15, 16, 17, 18, 19, 20)
	l.Read(15)
	held(16, 17, 18, 19, 20)
	l.Read(20)
	held(19, 20)
}
