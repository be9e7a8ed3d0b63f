package snapshot

import (
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/balsaraft/balsa/wire"
)

// Source reads the file of a snapshot byte for byte, for sending it. The snapshot
// stays while it is open. Any goroutine may use it.
type Source struct {
	store *Store
	meta  Meta
	size  int64

	mu   sync.Mutex
	file *file  // nil once it is closed
	part []byte // a part of the file that is wanted in part only
}

// Source opens the file of the snapshot at a position. Errors as of Open.
func (s *Store) Source(pos wire.Pos) (*Source, error) {
	f, err := s.acquire(pos)
	if err != nil {
		return nil, err
	}
	return &Source{store: s, file: f, meta: f.header.meta, size: f.shape.size}, nil
}

// Meta says what the snapshot is of.
func (s *Source) Meta() Meta { return s.meta }

// Size is the length of the file in bytes.
func (s *Source) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt. It checks the parts of the file that the bytes lie in
// before it hands them out, so that rot on one disk does not travel to others. Errors:
// *DamageError, ErrClosed, or the file system's.
func (s *Source) ReadAt(p []byte, off int64) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.file == nil:
		return 0, ErrClosed
	case off < 0:
		return 0, fmt.Errorf("read snapshot %s at offset %d: %w", s.file.name, off, fs.ErrInvalid)
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= s.size {
			return n, io.EOF
		}
		taken, err := s.readPart(p[n:], at)
		if err != nil {
			s.store.learn(s.file, err)
			return n, err
		}
		n += taken
	}
	return n, nil
}

// readPart fills p as far as the part of the file reaches that off lies in: the header,
// a block or the trailer.
func (s *Source) readPart(p []byte, off int64) (int, error) {
	number := int64(-1)
	start, size := int64(0), s.file.shape.header
	if off >= size {
		number = s.file.shape.at(off)
		start, size = s.file.shape.slot(number)
	}
	if off == start && int64(len(p)) >= size {
		return int(size), s.check(p[:size], number)
	}
	if int64(cap(s.part)) < size {
		s.part = make([]byte, size)
	}
	part := s.part[:size]
	if err := s.check(part, number); err != nil {
		return 0, err
	}
	return copy(p, part[off-start:]), nil
}

// check reads a part and checks it: -1 is the header, and the trailer comes after the
// blocks.
func (s *Source) check(part []byte, number int64) error {
	f := s.file
	switch number {
	case -1:
		if err := f.read(f.handle, part, 0); err != nil {
			return err
		}
		if _, _, err := parsePrologue(part); err != nil {
			return f.damage(0, err.Error())
		}
		if h, err := parseHeader(part); err != nil || h.sum != f.header.sum {
			return f.damage(0, "the header has changed")
		}
	case f.shape.blocks():
		off, _ := f.shape.slot(number)
		if err := f.read(f.handle, part, off); err != nil {
			return err
		}
		if t, ok := parseTrailer(part, f.header.sum, number); !ok || t != f.trailer {
			return f.damage(off, "the trailer has changed")
		}
	default:
		_, err := f.readBlock(f.handle, part, number)
		return err
	}
	return nil
}

// Close lets the snapshot go. After the first time it does nothing.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file, s.part = nil, nil
	return s.store.release(f)
}
