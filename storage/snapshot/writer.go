package snapshot

import (
	"fmt"

	"github.com/balsaraft/balsa/fsys"
)

// Writer writes a state into a new snapshot. It ends with Commit or Abort. It has one
// caller at a time.
type Writer struct {
	store   *Store
	title   title
	file    fsys.File // nil at its end
	encoder *Encoder

	end      int64 // of what is in the file
	unsynced int64 // bytes of it
}

// Create begins a snapshot. It replaces one of the same position, once it is
// committed.
func (s *Store) Create(meta Meta) (*Writer, error) {
	w := &Writer{store: s, title: meta.title()}
	if err := s.begin(w.title, "written"); err != nil {
		return nil, err
	}
	var err error
	if w.file, err = s.fs.Create(w.temp()); err != nil {
		s.end(w.title)
		return nil, fmt.Errorf("create snapshot %s: %w", w.temp(), err)
	}
	if w.encoder, err = newEncoder((*appender)(w), meta, s.block); err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

func (w *Writer) temp() string { return w.title.String() + tempEnding }

// Write adds to the state. Errors: ErrClosed, or the file system's, fsys.ErrNoSpace
// among them; after one there is only Abort.
func (w *Writer) Write(p []byte) (int, error) {
	if w.file == nil {
		return 0, ErrClosed
	}
	return w.encoder.Write(p)
}

// appender is where a Writer's encoder writes to: the end of the file.
type appender Writer

func (a *appender) Write(b []byte) (int, error) {
	w := (*Writer)(a)
	if _, err := w.file.WriteAt(b, w.end); err != nil {
		return 0, fmt.Errorf("write snapshot %s at offset %d: %w", w.temp(), w.end, err)
	}
	w.end += int64(len(b))
	if w.unsynced += int64(len(b)); w.unsynced >= syncEvery {
		return len(b), w.sync()
	}
	return len(b), nil
}

func (w *Writer) sync() error {
	w.unsynced = 0
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync snapshot %s: %w", w.temp(), err)
	}
	return nil
}

// Commit ends the snapshot. Once it has returned nil the snapshot is durable and
// listed. After an error there is no such snapshot, and the others are as they were;
// nobody needs to call Abort.
func (w *Writer) Commit() error {
	if w.file == nil {
		return ErrClosed
	}
	err := w.encoder.Close()
	if err == nil {
		err = w.sync()
	}
	if err == nil {
		err = w.store.publish(w.file, w.temp(), w.title)
	}
	if err != nil {
		w.Abort()
		return err
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
	w.file.Close() // nothing in it is needed
	w.file = nil
	w.store.fs.Remove(w.temp()) // if it stays, the next Open removes it
	w.store.end(w.title)
}
