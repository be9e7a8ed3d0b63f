package fault

import (
	"io/fs"
	"slices"
)

// file is an open file. The disk's mutex guards it.
type file struct {
	disk   *Disk
	inode  *inode
	life   int // of the disk, when it was opened
	closed bool
}

// begin is Disk.begin, and refuses a file that is closed or of an earlier life.
func (f *file) begin(op Op, off, size int64) (strike, error) {
	f.disk.mu.Lock()
	name := f.inode.name
	f.disk.mu.Unlock()
	s, err := f.disk.begin(Operation{Op: op, File: name, Offset: off, Bytes: size})
	if err != nil {
		return s, err
	}
	switch {
	case f.life != f.disk.life:
		err = ErrCrashed
	case f.closed:
		err = fs.ErrClosed
	case off < 0 || size < 0:
		err = fs.ErrInvalid
	default:
		return s, nil
	}
	f.disk.mu.Unlock()
	return s, &fs.PathError{Op: op.String(), Path: name, Err: err}
}

func (f *file) failed(op Op, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op.String(), Path: f.inode.name, Err: err}
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	s, err := f.begin(Read, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer f.disk.mu.Unlock()
	if s.err != nil {
		return 0, f.failed(Read, s.err)
	}
	n, err := f.inode.content.ReadAt(p, off)
	if s.effect == Corrupt {
		f.disk.flip(p[:n])
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	s, err := f.begin(Write, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	defer f.disk.mu.Unlock()
	if s.err != nil {
		n := f.disk.part(off, p)
		f.write(p[:n], off, s)
		return n, f.failed(Write, s.err)
	}
	if s.effect == Misplace {
		off = max(off+s.shift, 0)
	}
	end, err := f.disk.room(f.inode, off+int64(len(p)))
	n := int(max(min(end-off, int64(len(p))), 0))
	f.write(p[:n], off, s)
	return n, f.failed(Write, err)
}

func (f *file) write(p []byte, off int64, s strike) {
	if len(p) == 0 {
		return
	}
	data := slices.Clone(p)
	if s.effect == Corrupt {
		f.disk.flip(data)
	}
	f.inode.change(change{off: off, data: data}, s.lost())
}

// part is how much of a write that fails was done: whole sectors from its front.
func (d *Disk) part(off int64, p []byte) (n int) {
	for _, data := range sectors(off, p) {
		if d.rng.IntN(2) == 0 || n+len(data) == len(p) {
			break
		}
		n += len(data)
	}
	return n
}

func (d *Disk) flip(p []byte) {
	if len(p) > 0 {
		bit := d.rng.IntN(8 * len(p))
		p[bit/8] ^= 1 << (bit % 8)
	}
}

func (f *file) Truncate(size int64) error {
	s, err := f.begin(Truncate, 0, size)
	if err != nil {
		return err
	}
	defer f.disk.mu.Unlock()
	if s.err != nil {
		return f.failed(Truncate, s.err)
	}
	if _, err := f.disk.room(f.inode, size); err != nil {
		return f.failed(Truncate, err)
	}
	f.inode.truncate(size, s.lost())
	return nil
}

func (f *file) Sync() error {
	s, err := f.begin(Sync, 0, 0)
	if err != nil {
		return err
	}
	defer f.disk.mu.Unlock()
	switch {
	case s.err != nil:
		f.inode.settle(f.disk.rng)
	case !s.lost():
		f.inode.sync()
	}
	return f.failed(Sync, s.err)
}

func (f *file) Size() (int64, error) {
	s, err := f.begin(Size, 0, 0)
	if err != nil {
		return 0, err
	}
	defer f.disk.mu.Unlock()
	return f.inode.content.Size(), f.failed(Size, s.err)
}

// Close works on a disk that has stopped, too.
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.inode.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
