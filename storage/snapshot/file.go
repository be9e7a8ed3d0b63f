package snapshot

import (
	"errors"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/fsys"
)

// file is a snapshot on the disk. Its first fields do not change; the store's mutex
// guards the others.
type file struct {
	name    string // while it is being written, another than its title's
	title   title
	header  header
	shape   shape
	trailer trailer

	handle   fsys.File // shared by those who read: a browser opens a file once only
	users    int       // how many they are
	verified bool      // it has been read whole by this process
	doomed   bool      // it is to be removed once nobody reads it
}

func (f *file) damage(off int64, reason string) error {
	return &DamageError{File: f.name, Offset: off, Reason: reason}
}

// read fills p. A file that ends before is damaged: it was longer once.
func (f *file) read(handle fsys.File, p []byte, off int64) error {
	n, err := handle.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == io.EOF:
		return f.damage(off+int64(n), "the file ends")
	}
	return fmt.Errorf("read snapshot %s at offset %d: %w", f.name, off, err)
}

// inspect reads header and trailer of what is, or is to become, the snapshot of that
// title. Errors: *DamageError, ErrVersion, or the file system's.
func inspect(handle fsys.File, name string, t title) (*file, error) {
	f := &file{name: name, title: t}
	size, err := handle.Size()
	if err != nil {
		return nil, fmt.Errorf("size of snapshot %s: %w", name, err)
	}
	if f.header, err = f.readHeader(handle, size); err != nil {
		return nil, err
	}
	if found := f.header.meta.title(); found != t {
		return nil, f.damage(0, fmt.Sprintf("it holds %s, which is another snapshot", found))
	}
	return f, f.readTrailer(handle, size)
}

func (f *file) readHeader(handle fsys.File, size int64) (header, error) {
	prologue := make([]byte, min(size, prologueSize))
	if err := f.read(handle, prologue, 0); err != nil {
		return header{}, err
	}
	version, length, err := parsePrologue(prologue)
	switch {
	case err != nil:
		return header{}, f.damage(0, err.Error())
	case version != formatVersion:
		return header{}, versionError(f.name, version)
	case length > size:
		return header{}, f.damage(size, "the file ends in its header")
	}
	b := make([]byte, length)
	if err := f.read(handle, b, 0); err != nil {
		return header{}, err
	}
	h, err := parseHeader(b)
	if err != nil {
		return header{}, f.damage(0, err.Error())
	}
	return h, nil
}

func (f *file) readTrailer(handle fsys.File, size int64) error {
	var ok bool
	if f.shape, ok = shapeOf(f.header, size); !ok {
		return f.damage(size, "the file was cut off or has grown")
	}
	blocks := f.shape.blocks()
	off, _ := f.shape.slot(blocks)
	b := make([]byte, trailerSize)
	if err := f.read(handle, b, off); err != nil {
		return err
	}
	if f.trailer, ok = parseTrailer(b, f.header.sum, blocks); !ok || f.trailer.state != f.shape.state {
		return f.damage(off, "the trailer does not verify, or the file was cut off or has grown")
	}
	return nil
}

// readBlock reads a block into slot, which has its size, and returns its checksum.
func (f *file) readBlock(handle fsys.File, slot []byte, number int64) (uint32, error) {
	off, _ := f.shape.slot(number)
	if err := f.read(handle, slot, off); err != nil {
		return 0, err
	}
	sum, ok := checkBlock(slot, f.header.sum, number)
	if !ok {
		return 0, f.damage(off, fmt.Sprintf("block %d of %d does not verify", number, f.shape.blocks()))
	}
	return sum, nil
}

// verify reads all blocks.
func (f *file) verify(handle fsys.File) error {
	b := blocks{file: f, handle: handle}
	for {
		if _, err := b.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// blocks reads a file's blocks one after the other.
type blocks struct {
	file   *file
	handle fsys.File
	slot   []byte
	number int64
	digest digest
}

// next returns the data of the next block, until the call after it, or io.EOF once
// all together match the trailer.
func (b *blocks) next() ([]byte, error) {
	f := b.file
	off, size := f.shape.slot(b.number)
	if b.number == f.shape.blocks() {
		if b.digest != f.trailer.digest {
			return nil, f.damage(off, "the blocks together do not match the trailer")
		}
		return nil, io.EOF
	}
	if b.slot == nil {
		b.slot = make([]byte, size) // none is larger than the first
	}
	slot := b.slot[:size]
	sum, err := f.readBlock(b.handle, slot, b.number)
	if err != nil {
		return nil, err
	}
	b.number++
	b.digest.add(sum)
	return slot[blockHeader:], nil
}

func isDamage(err error) bool {
	var damage *DamageError
	return errors.As(err, &damage)
}
