package snapshot

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
)

// Writer writes a state into a new snapshot. It ends with Commit or Abort. It has one
// caller at a time.
type Writer struct {
	store  *Store
	title  title
	header header
	file   fsys.File
	err    error // the first one; nothing is written after it

	slot     []byte // the block that is being filled, its header included
	number   int64  // of that block
	end      int64  // of what is in the file
	unsynced int64  // bytes of it
	trailer  trailer
}

// Create begins a snapshot. It replaces one of the same position, once it is
// committed.
func (s *Store) Create(meta Meta) (*Writer, error) {
	h, encoded, err := newHeader(meta, s.block)
	if err != nil {
		return nil, err
	}
	w := &Writer{store: s, title: meta.title(), header: h, slot: make([]byte, blockHeader, blockHeader+h.block)}
	if err := s.begin(w.title, "written"); err != nil {
		return nil, err
	}
	if w.file, err = s.fs.Create(w.temp()); err != nil {
		s.end(w.title)
		return nil, fmt.Errorf("create snapshot %s: %w", w.temp(), err)
	}
	if w.put(encoded); w.err != nil {
		w.Abort()
		return nil, w.err
	}
	return w, nil
}

func (w *Writer) temp() string { return w.title.String() + tempEnding }

// Write adds to the state. Errors: ErrClosed, or the file system's, fsys.ErrNoSpace
// among them; after one there is only Abort.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.file == nil {
		return 0, ErrClosed
	}
	for len(p) > 0 && w.err == nil {
		room := cap(w.slot) - len(w.slot)
		take := p[:min(room, len(p))]
		w.slot = append(w.slot, take...)
		p, n = p[len(take):], n+len(take)
		if len(w.slot) == cap(w.slot) {
			w.flush()
		}
	}
	return n, w.err
}

// flush writes the block.
func (w *Writer) flush() {
	w.trailer.digest.add(sealBlock(w.slot, w.header.sum, w.number))
	w.trailer.state += int64(len(w.slot) - blockHeader)
	w.put(w.slot)
	w.number++
	w.slot = w.slot[:blockHeader]
	if w.unsynced >= syncEvery {
		w.sync()
	}
}

func (w *Writer) put(b []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.file.WriteAt(b, w.end); err != nil {
		w.err = fmt.Errorf("write snapshot %s at offset %d: %w", w.temp(), w.end, err)
		return
	}
	w.end += int64(len(b))
	w.unsynced += int64(len(b))
}

func (w *Writer) sync() {
	if w.err != nil {
		return
	}
	if err := w.file.Sync(); err != nil {
		w.err = fmt.Errorf("sync snapshot %s: %w", w.temp(), err)
	}
	w.unsynced = 0
}

// Commit ends the snapshot. Once it has returned nil the snapshot is durable and
// listed. After an error there is no such snapshot, and the others are as they were;
// nobody needs to call Abort.
func (w *Writer) Commit() error {
	if w.file == nil {
		return ErrClosed
	}
	if len(w.slot) > blockHeader {
		w.flush()
	}
	w.put(w.trailer.encode(w.header.sum, w.number))
	w.sync()
	if w.err == nil {
		w.err = w.store.publish(w.file, w.temp(), w.title)
	}
	if w.err != nil {
		w.Abort()
		return w.err
	}
	w.file = nil
	w.store.end(w.title)
	return nil
}

// Abort removes what was written. After Commit or Abort it does nothing.
func (w *Writer) Abort() {
	if w.file == nil {
		return
	}
	if w.err == nil {
		w.err = errors.New("the snapshot was aborted")
	}
	w.file.Close() // nothing in it is needed
	w.file = nil
	w.store.fs.Remove(w.temp()) // if it stays, the next Open removes it
	w.store.end(w.title)
}
