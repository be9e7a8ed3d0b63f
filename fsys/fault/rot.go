package fault

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/internal/sparse"
)

// FlipBit flips the bit of that number, from 0 at the start of the file, on the disk
// and where processes see it. No operation notices. A write that is not synced yet
// undoes it.
func (d *Disk) FlipBit(name string, bit int64) error {
	return d.rot("flip a bit of", name, bit/8, 1, func(p []byte) { p[0] ^= 1 << (bit % 8) })
}

// ZeroSector sets the sector of that number to zeros, on the disk and where processes
// see it: what a write that was acknowledged and lost leaves in space never written.
func (d *Disk) ZeroSector(name string, sector int64) error {
	return d.rot("zero a sector of", name, sector*SectorSize, SectorSize, func(p []byte) { clear(p) })
}

// MisplaceSector puts what stands in one sector over another one, on the disk and where
// processes see it: what a write to the wrong place leaves there.
func (d *Disk) MisplaceSector(name string, from, to int64) error {
	var written []byte
	err := d.rot("read a sector of", name, from*SectorSize, SectorSize, func(p []byte) { written = slices.Clone(p) })
	if err != nil {
		return err
	}
	return d.rot("misplace a sector of", name, to*SectorSize, SectorSize, func(p []byte) { copy(p, written) })
}

func (d *Disk) rot(op, name string, off, size int64, damage func([]byte)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.names[name]
	if i == nil {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	if off < 0 || off >= i.content.Size() {
		return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%w: offset %d of %d bytes", fs.ErrInvalid, off, i.content.Size())}
	}
	for _, b := range []*sparse.Bytes{&i.content, &i.durable} {
		p := make([]byte, min(size, max(b.Size()-off, 0)))
		if len(p) == 0 {
			continue
		}
		b.ReadAt(p, off)
		damage(p)
		b.WriteAt(p, off)
	}
	return nil
}

// SetCapacity limits the sum of the sizes of all files, as processes see them. What
// would go beyond returns fsys.ErrNoSpace; of a Write, the bytes that fit are there.
// Overwriting needs no space, a file that is removed gives its own back at once. A
// negative capacity lifts the limit.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// Used is the sum that SetCapacity limits.
func (d *Disk) Used() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used()
}

func (d *Disk) used() (sum int64) {
	for _, i := range d.names {
		sum += i.content.Size()
	}
	return sum
}

// room is the largest size up to size that i may have.
func (d *Disk) room(i *inode, size int64) (int64, error) {
	have := i.content.Size()
	if d.capacity < 0 || size <= have {
		return size, nil
	}
	if fits := have + max(d.capacity-d.used(), 0); fits < size {
		return fits, fmt.Errorf("%w: capacity %d bytes", fsys.ErrNoSpace, d.capacity)
	}
	return size, nil
}
