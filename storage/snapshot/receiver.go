package snapshot

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// Receiver writes the file of a snapshot that another member sends. It ends with
// Commit, Abort or Discard. It has one caller at a time.
type Receiver struct {
	store    *Store
	title    title
	cluster  wire.ClusterID
	file     fsys.File // nil at its end
	end      int64     // of what has come
	unsynced int64     // bytes of it
	// suspect says that a sync has failed. What the disk then holds is unknown even
	// where it reads well, so the file must not be resumed.
	suspect bool
}

// Receive begins a transfer of the snapshot with meta's Pos and ID, or goes on with
// one that broke off: Offset says where. If meta has a Cluster, the snapshot must be of
// that one. What has come of other snapshots is removed.
func (s *Store) Receive(meta Meta) (*Receiver, error) {
	r := &Receiver{store: s, title: meta.title(), cluster: meta.Cluster}
	if err := s.begin(r.title, "received"); err != nil {
		return nil, err
	}
	if err := r.open(); err != nil {
		if r.file != nil {
			r.file.Close()
		}
		s.end(r.title)
		return nil, fmt.Errorf("receive snapshot %s: %w", r.part(), err)
	}
	return r, nil
}

func (r *Receiver) part() string { return r.title.String() + partEnding }

func (r *Receiver) open() error {
	if err := r.removeOthers(); err != nil {
		return err
	}
	var err error
	if r.file, err = r.store.fs.Open(r.part()); err == nil {
		return r.resume()
	}
	if !errors.Is(err, fsys.ErrNotExist) {
		return err
	}
	if r.file, err = r.store.fs.Create(r.part()); err != nil {
		return err
	}
	return r.store.syncDir() // else a crash would lose what has come with the name
}

func (r *Receiver) removeOthers() error {
	names, err := r.store.fs.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		t, ending, ok := parseName(name)
		if !ok || ending != partEnding || r.store.isWriting(t) {
			continue
		}
		if err := r.store.fs.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// resume finds out up to where the file is whole. What comes next is written over the
// rest. The trailer is always asked for again, so that there is a last piece for the
// sender to send.
func (r *Receiver) resume() error {
	size, err := r.file.Size()
	if err != nil {
		return err
	}
	r.end, err = wholeUpTo(r.file, r.part(), r.title, size)
	return err
}

// wholeUpTo is the end of the last block that verifies, before the first that does
// not. A block that is shorter than the others is left out, because more may come
// after it that belongs to it.
func wholeUpTo(handle fsys.File, name string, t title, size int64) (int64, error) {
	f := &file{name: name}
	h, err := f.readHeader(handle, size)
	if isDamage(err) || err == nil && h.meta.title() != t {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	slot := make([]byte, blockHeader+h.block)
	end := h.length
	for number := int64(0); end+int64(len(slot)) <= size; number++ {
		if err := f.read(handle, slot, end); err != nil {
			return 0, err
		}
		if _, ok := checkBlock(slot, h.sum, number); !ok {
			break
		}
		end += int64(len(slot))
	}
	return end, nil
}

// Offset is how much of the file is here, and so the place of the next Write.
func (r *Receiver) Offset() int64 { return r.end }

// Write adds the bytes at off, which must be Offset. Errors: ErrClosed, or the file
// system's, fsys.ErrNoSpace among them; after one of them Offset is as before.
func (r *Receiver) Write(off int64, data []byte) error {
	switch {
	case r.file == nil:
		return ErrClosed
	case off != r.end:
		return fmt.Errorf("write snapshot %s at offset %d: the next byte is that at %d", r.part(), off, r.end)
	}
	if _, err := r.file.WriteAt(data, off); err != nil {
		return fmt.Errorf("write snapshot %s at offset %d: %w", r.part(), off, err)
	}
	r.end += int64(len(data))
	if r.unsynced += int64(len(data)); r.unsynced >= syncEvery {
		return r.sync()
	}
	return nil
}

func (r *Receiver) sync() error {
	r.unsynced = 0
	if err := r.file.Sync(); err != nil {
		r.suspect = true
		return fmt.Errorf("sync snapshot %s: %w", r.part(), err)
	}
	return nil
}

// Commit ends the transfer. It checks every byte; once it has returned nil the snapshot
// is durable and listed. After an error the snapshots are as they were, and Abort or
// Discard ends the transfer. Errors: *DamageError, ErrVersion, ErrClosed, or the file
// system's.
func (r *Receiver) Commit() error {
	if r.file == nil {
		return ErrClosed
	}
	if err := r.commit(); err != nil {
		return err
	}
	r.file = nil
	r.store.end(r.title)
	return nil
}

func (r *Receiver) commit() error {
	// An earlier life of the file, or a write that failed, may have left bytes after
	// those that count.
	if err := r.file.Truncate(r.end); err != nil {
		return fmt.Errorf("truncate snapshot %s: %w", r.part(), err)
	}
	if err := r.sync(); err != nil {
		return err
	}
	if err := r.checkCluster(); err != nil {
		return err
	}
	return r.store.publish(r.file, r.part(), r.title)
}

func (r *Receiver) checkCluster() error {
	f := &file{name: r.part()}
	h, err := f.readHeader(r.file, r.end)
	if err != nil {
		return err
	}
	if found := h.meta.Cluster; r.cluster != 0 && found != r.cluster {
		return fmt.Errorf("snapshot %s is of cluster %s, this is cluster %s", r.part(), found, r.cluster)
	}
	return nil
}

// Abort ends the transfer and keeps what has come, for a later Receive. After Commit,
// Abort or Discard it does nothing.
func (r *Receiver) Abort() {
	if r.suspect {
		r.Discard()
		return
	}
	r.close()
}

// Discard ends the transfer and removes what has come. After Commit, Abort or Discard
// it does nothing.
func (r *Receiver) Discard() {
	if r.close() {
		r.store.fs.Remove(r.part()) // if it stays, it is checked before it is used
	}
}

func (r *Receiver) close() bool {
	if r.file == nil {
		return false
	}
	r.file.Close() // Commit may have closed it, and nothing in it is relied on
	r.file = nil
	r.store.end(r.title)
	return true
}
