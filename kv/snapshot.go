package kv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// A snapshot is a header, the tables with their keys in ascending order, and an end:
//
//	size  field
//	8     "balsa-kv"
//	1     version, 3
//	…     meta: uvarint length, bytes
//
//	…     key: uvarint length (at least 1), bytes     for each but meta's
//	…     value: uvarint length, bytes
//
//	1     0, which is no length of a key
//	…     uvarint number of keys
//	4     CRC-32C of all before, little-endian
//
// Members with the same state write the same bytes: what is forgotten and has not left
// the store yet is left out.
const (
	snapshotMagic   = "balsa-kv"
	snapshotVersion = 3
	// snapshotWithPastTable is what can be read, too: what it holds is brought up to date
	// once it is in the store (upgrade.go).
	snapshotWithPastTable = 2
)

var (
	// ErrSnapshot says that a snapshot is damaged, or is none.
	ErrSnapshot = errors.New("the key-value snapshot is damaged")
	// ErrSnapshotVersion says that another program wrote a snapshot.
	ErrSnapshotVersion = errors.New("the key-value snapshot is of another version; use the program that wrote it, or a newer one")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Snapshot implements balsa.StateMachine. It takes as long as it takes to open an
// iterator, whatever the size; the state is written out beside the applies that follow.
func (m *Machine) Snapshot() (io.WriterTo, error) {
	p, err := m.pin()
	if err != nil {
		return nil, err
	}
	return &capture{p}, nil
}

// capture is the state at a moment. It lets go of it once it is written.
type capture struct{ pin *pin }

// WriteTo implements io.WriterTo.
func (c *capture) WriteTo(w io.Writer) (written int64, err error) {
	head, err := c.pin.meta()
	if err == nil {
		written, err = c.write(head, w)
	}
	if err := errors.Join(err, c.pin.close()); err != nil {
		return written, err
	}
	// The log is cut off at the snapshot. With all of it on the disk, a restart begins
	// with what the store holds, rather than with filling it from the snapshot.
	return written, c.pin.m.flush(head.applied)
}

func (c *capture) write(head meta, w io.Writer) (int64, error) {
	s := &snapshotWriter{to: bufio.NewWriterSize(w, 256<<10), sum: crc32.New(castagnoli)}
	s.write(append([]byte(snapshotMagic), snapshotVersion))
	s.write(appendBytes(nil, head.append(nil)))
	count, found := uint64(0), digest(0)
	for _, table := range tables[1:] {
		err := c.pin.with(tableBounds(table), func(it *pebble.Iterator) error {
			for ok := it.First(); ok && s.err == nil; ok = it.Next() {
				value, err := it.ValueAndErr()
				if err != nil {
					return err
				}
				keep, err := current(table, it.Key(), value, head.compacted)
				if err != nil {
					return err
				}
				if digested(table) {
					found.add(it.Key(), value)
				}
				if keep {
					s.pair(it.Key(), value)
					count++
				}
			}
			return nil
		})
		if err != nil {
			return s.written, fmt.Errorf("read the store for a snapshot: %w", err)
		}
	}
	if s.err == nil && found != head.digest {
		return s.written, c.pin.m.unreadable(errDigest(found, head.digest))
	}
	s.write(binary.AppendUvarint([]byte{0}, count))
	s.write(binary.LittleEndian.AppendUint32(nil, s.sum.Sum32()))
	if s.err == nil {
		s.err = s.to.Flush()
	}
	return s.written, s.err
}

// current says whether something stored is part of the state, rather than a rest of
// the history that is forgotten.
func current(table byte, key, value []byte, compacted balsa.Index) (bool, error) {
	if table == historyTable {
		index, _, err := cutHistoryKey(key)
		return index > compacted, err
	}
	return true, nil
}

// flush makes the state up to an index durable, unless it is already, or the store is
// closed.
func (m *Machine) flush(applied balsa.Index) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil
	}
	if err := m.writeOut(); err != nil {
		return fmt.Errorf("write the store up to %d: %w", applied, err)
	}
	return nil
}

// snapshotWriter counts and sums what it writes, and keeps the first error.
type snapshotWriter struct {
	to      *bufio.Writer
	sum     hash.Hash32
	written int64
	scratch []byte
	err     error
}

func (s *snapshotWriter) pair(key, value []byte) {
	s.scratch = appendBytes(s.scratch[:0], key)
	s.scratch = appendBytes(s.scratch, value)
	s.write(s.scratch)
}

func (s *snapshotWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	s.sum.Write(b)
	n, err := s.to.Write(b)
	s.written, s.err = s.written+int64(n), err
}

// snapshotReader sums what it reads.
type snapshotReader struct {
	from    *bufio.Reader
	sum     hash.Hash32
	version uint8
	count   uint64
	last    []byte // key
}

// has says whether a table can be in the snapshot.
func (s *snapshotReader) has(table byte) bool {
	return slices.Contains(tables[1:], table) || table == pastTable && s.version == snapshotWithPastTable
}

// ReadByte makes it an io.ByteReader, for binary.ReadUvarint.
func (s *snapshotReader) ReadByte() (byte, error) {
	b, err := s.from.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

// readHead begins to read a snapshot.
func readHead(r io.Reader) (*snapshotReader, meta, error) {
	s := &snapshotReader{from: bufio.NewReaderSize(r, 256<<10), sum: crc32.New(castagnoli)}
	head, err := s.take(nil, len(snapshotMagic)+1)
	if err != nil {
		return nil, meta{}, err
	}
	if string(head[:len(snapshotMagic)]) != snapshotMagic {
		return nil, meta{}, fmt.Errorf("%w: it does not begin with %q", ErrSnapshot, snapshotMagic)
	}
	s.version = head[len(snapshotMagic)]
	if s.version < snapshotWithPastTable || s.version > snapshotVersion {
		return nil, meta{}, fmt.Errorf("%w: format %d, this program knows %d to %d", ErrSnapshotVersion, s.version, snapshotWithPastTable, snapshotVersion)
	}
	const maxMeta = 256
	encoded, err := s.bytes(nil, "head", maxMeta)
	if err != nil {
		return nil, meta{}, err
	}
	m, err := decodeMeta(encoded)
	return s, m, err
}

// pair reads a key and its value into the given space; the key is empty at the end.
func (s *snapshotReader) pair(key, value []byte) (_, _ []byte, err error) {
	if key, err = s.bytes(key, "key", maxStoredKey); err != nil {
		return nil, nil, err
	}
	if len(key) == 0 {
		return nil, nil, s.end()
	}
	if string(key) <= string(s.last) {
		return nil, nil, fmt.Errorf("%w: key %x stands after %x", ErrSnapshot, key, s.last)
	}
	s.last = append(s.last[:0], key...)
	s.count++
	value, err = s.bytes(value, "value", maxStoredValue)
	return key, value, err
}

// end checks the count and the sum, and that nothing follows.
func (s *snapshotReader) end() error {
	n, err := s.uvarint()
	if err != nil {
		return err
	}
	if n != s.count {
		return fmt.Errorf("%w: it says that it has %d keys and has %d", ErrSnapshot, n, s.count)
	}
	want := s.sum.Sum32()
	sum, err := s.take(nil, 4)
	if err != nil {
		return err
	}
	if got := binary.LittleEndian.Uint32(sum); got != want {
		return fmt.Errorf("%w: its checksum is %08x, its content's %08x", ErrSnapshot, got, want)
	}
	if _, err := s.from.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: there is more after its end", ErrSnapshot)
	}
	return nil
}

func (s *snapshotReader) uvarint() (uint64, error) {
	v, err := binary.ReadUvarint(s)
	if err != nil {
		return 0, s.cut(err)
	}
	return v, nil
}

func (s *snapshotReader) bytes(b []byte, what string, limit int) ([]byte, error) {
	n, err := s.uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(limit) {
		return nil, fmt.Errorf("%w: a %s of %d bytes, the limit is %d", ErrSnapshot, what, n, limit)
	}
	return s.take(b, int(n))
}

func (s *snapshotReader) take(b []byte, n int) ([]byte, error) {
	if cap(b) < n {
		b = make([]byte, n)
	}
	b = b[:n]
	if _, err := io.ReadFull(s.from, b); err != nil {
		return nil, s.cut(err)
	}
	s.sum.Write(b)
	return b, nil
}

// cut tells an early end, which is damage, from a reader that failed.
func (s *snapshotReader) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrSnapshot)
	}
	return fmt.Errorf("read the key-value snapshot: %w", err)
}
