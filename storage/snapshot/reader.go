package snapshot

import (
	"io"

	"github.com/balsaraft/balsa/wire"
)

// Reader reads the state of a snapshot, which stays while it is open. It has one
// caller at a time.
type Reader struct {
	store  *Store
	file   *file // nil once it is closed
	meta   Meta
	size   int64
	blocks blocks
	data   []byte // of the present block, not handed out yet
	err    error  // what ended it
}

// Open opens the snapshot at a position. Errors: ErrNotFound, *DamageError, or the
// file system's.
func (s *Store) Open(pos wire.Pos) (*Reader, error) {
	f, err := s.acquire(pos)
	if err != nil {
		return nil, err
	}
	return &Reader{store: s, file: f, meta: f.header.meta, size: f.shape.state, blocks: blocks{file: f, handle: f.handle}}, nil
}

// Meta says what the snapshot is of.
func (r *Reader) Meta() Meta { return r.meta }

// Size is the length of the state in bytes.
func (r *Reader) Size() int64 { return r.size }

// Read reads the state. Bytes are checked before they are handed out, and io.EOF says
// that the whole was. Errors: *DamageError, ErrClosed, or the file system's.
func (r *Reader) Read(p []byte) (int, error) {
	if r.file == nil {
		return 0, ErrClosed
	}
	for len(r.data) == 0 && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.advance()
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// Whole says whether the state was read, and so checked, to its end.
func (r *Reader) Whole() bool { return r.err == io.EOF }

func (r *Reader) advance() {
	switch r.data, r.err = r.blocks.next(); {
	case r.err == io.EOF:
		r.store.learn(r.file, nil)
	case r.err != nil:
		r.store.learn(r.file, r.err)
	}
}

// Close lets the snapshot go. After the first time it does nothing.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	f := r.file
	r.file, r.data = nil, nil
	return r.store.release(f)
}
