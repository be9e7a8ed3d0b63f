package kv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// tableBytes is the size of the files that a snapshot is turned into.
const tableBytes = 32 << 20

// restorePrefix begins the names of files that are not a part of the store yet.
const restorePrefix = "restore-"

// Restore implements balsa.StateMachine: the snapshot is written into table files as it
// comes, and these replace all that there was in one step, which a crash leaves done or
// not done. After an error the state is what it was.
func (m *Machine) Restore(r io.Reader) (err error) {
	s, head, err := readHead(r)
	if err != nil {
		return err
	}
	if m.holds(head) {
		// The store holds this very state: the snapshot reaches to a later entry, but
		// to no later command.
		return s.skip()
	}
	paths, err := m.writeTables(s, head)
	defer func() { err = errors.Join(err, m.files.removeRestores()) }()
	if err != nil {
		return err
	}
	everything := pebble.KeyRange{Start: []byte{0}, End: []byte{0xff}}
	if _, err := m.db.IngestAndExcise(context.Background(), paths, nil, nil, everything); err != nil {
		return fmt.Errorf("replace the store by a snapshot: %w", err)
	}
	return m.load()
}

// holds says whether the store has the state that a head goes with.
func (m *Machine) holds(head meta) bool {
	head.version = m.meta.version
	return head == m.meta && head.applied != 0
}

func (s *snapshotReader) skip() error {
	var key, value []byte
	for {
		var err error
		if key, value, err = s.pair(key, value); err != nil || len(key) == 0 {
			return err
		}
	}
}

// writeTables turns a snapshot into files that sort one after the other.
func (m *Machine) writeTables(s *snapshotReader, head meta) (paths []string, err error) {
	t := &tableWriter{m: m}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.set(metaKey, head.append(nil)); err != nil {
		return nil, err
	}
	var key, value []byte
	var found digest
	for {
		if key, value, err = s.pair(key, value); err != nil {
			return nil, err
		}
		if len(key) == 0 {
			if found != head.digest && head.version != metaWithoutDigest {
				return nil, fmt.Errorf("%w: %w", ErrSnapshot, errDigest(found, head.digest))
			}
			err = t.close()
			return t.paths, err
		}
		if !s.has(key[0]) {
			return nil, fmt.Errorf("%w: key %x belongs to no table", ErrSnapshot, key)
		}
		if digested(key[0]) {
			found.add(key, value)
		}
		if err := t.set(key, value); err != nil {
			return nil, err
		}
	}
}

// tableWriter writes table files of about tableBytes.
type tableWriter struct {
	m     *Machine
	w     *sstable.Writer // nil between files
	size  int
	paths []string
}

func (t *tableWriter) set(key, value []byte) error {
	if t.w != nil && t.size >= tableBytes {
		if err := t.close(); err != nil {
			return err
		}
	}
	if t.w == nil {
		if err := t.create(); err != nil {
			return err
		}
	}
	t.size += len(key) + len(value)
	if err := t.w.Set(key, value); err != nil {
		return fmt.Errorf("write %s: %w", t.paths[len(t.paths)-1], err)
	}
	return nil
}

func (t *tableWriter) create() error {
	path := t.m.files.path(fmt.Sprintf("%s%06d.sst", restorePrefix, len(t.paths)))
	f, err := t.m.files.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("restore the store: %w", explained(err))
	}
	t.paths, t.size = append(t.paths, path), 0
	// The bottom level's options, since nothing will be below.
	o := t.m.options.MakeWriterOptions(6, t.m.db.TableFormat())
	t.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), o)
	return nil
}

func (t *tableWriter) close() error {
	if t.w == nil {
		return nil
	}
	err := t.w.Close()
	t.w = nil
	if err != nil {
		return fmt.Errorf("write %s: %w", t.paths[len(t.paths)-1], explained(err))
	}
	return nil
}

// removeRestores removes what a restore has written for itself. What the store has
// taken over has another name by then.
func (p place) removeRestores() error {
	names, err := p.fs.List(p.dir)
	if err != nil {
		return nil // there is no directory yet, or opening it says what is wrong
	}
	for _, name := range names {
		if strings.HasPrefix(name, restorePrefix) {
			err = errors.Join(err, p.fs.Remove(p.path(name)))
		}
	}
	return err
}
