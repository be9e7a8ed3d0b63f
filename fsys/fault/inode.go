package fault

import (
	"math/rand/v2"

	"github.com/balsaraft/balsa/fsys/internal/sparse"
)

// SectorSize is the unit that a disk writes as a whole or not at all.
const SectorSize = 512

// inode is a file's content, whatever its name. The disk's mutex guards it.
type inode struct {
	id      uint64
	name    string       // its latest, for the trace
	content sparse.Bytes // as a process sees it
	durable sparse.Bytes // as it was at the last sync
	pending []change     // since then, in order
}

// change is a write, or a truncation if data is nil.
type change struct {
	off  int64 // or the size it sets
	data []byte
}

func (c change) apply(b *sparse.Bytes) {
	if c.data == nil {
		b.Truncate(c.off)
		return
	}
	b.WriteAt(c.data, c.off)
}

// change does c where processes see it; unless it is lost, a sync makes it durable.
func (i *inode) change(c change, lost bool) {
	c.apply(&i.content)
	if !lost {
		i.pending = append(i.pending, c)
	}
}

func (i *inode) truncate(size int64, lost bool) { i.change(change{off: size}, lost) }

func (i *inode) sync() {
	for _, c := range i.pending {
		c.apply(&i.durable)
	}
	i.pending = nil
}

// settle lets chance decide which pending changes are durable, and forgets the rest.
func (i *inode) settle(rng *rand.Rand) {
	for _, c := range i.pending {
		c.settle(&i.durable, rng)
	}
	i.pending = nil
}

// settle does c to b wholly, not at all, or sector by sector. A file may grow by a
// write without its bytes, as size and data are written apart.
func (c change) settle(b *sparse.Bytes, rng *rand.Rand) {
	const (
		lost = iota
		kept
		torn
	)
	fate := rng.IntN(3)
	if c.data == nil && fate == torn {
		fate = rng.IntN(2)
	}
	switch fate {
	case kept:
		c.apply(b)
	case torn:
		for off, data := range sectors(c.off, c.data) {
			if rng.IntN(2) == 0 {
				b.WriteAt(data, off)
			}
		}
		if end := c.off + int64(len(c.data)); end > b.Size() && rng.IntN(2) == 0 {
			b.Truncate(end)
		}
	}
}

// sectors cuts data, which begins at off, where sectors begin.
func sectors(off int64, data []byte) func(yield func(int64, []byte) bool) {
	return func(yield func(int64, []byte) bool) {
		for len(data) > 0 {
			n := min(int64(len(data)), SectorSize-off%SectorSize)
			if !yield(off, data[:n]) {
				return
			}
			off, data = off+n, data[n:]
		}
	}
}

// crashed is what a crash leaves of the file.
func (i *inode) crashed(rng *rand.Rand) *inode {
	left := &inode{id: i.id, name: i.name, durable: i.durable.Clone(), pending: i.pending}
	left.settle(rng)
	left.content = left.durable.Clone()
	return left
}
