package kv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"github.com/balsaraft/balsa"
)

// A snapshot is a header, the keys in ascending order, and an end:
//
//	size  field
//	8     "balsa-kv"
//	1     version, 1
//
//	…     key: uvarint length (1 to MaxKey), bytes     for each key
//	…     uvarint version
//	…     value: uvarint length, bytes
//
//	1     0, which is no length of a key
//	…     uvarint number of keys
//	4     CRC-32C of all before, little-endian
//
// Members with the same state write the same bytes.
const (
	snapshotMagic   = "balsa-kv"
	snapshotVersion = 1
)

var (
	// ErrSnapshot says that a snapshot is damaged, or is none.
	ErrSnapshot = errors.New("the key-value snapshot is damaged")
	// ErrSnapshotVersion says that a newer program wrote a snapshot.
	ErrSnapshotVersion = errors.New("the key-value snapshot was written by a newer version; upgrade this member")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// capture is the state at a moment.
type capture map[string]item

// WriteTo implements io.WriterTo.
func (c capture) WriteTo(w io.Writer) (int64, error) {
	s := &snapshotWriter{to: bufio.NewWriterSize(w, 64<<10), sum: crc32.New(castagnoli)}
	s.write(append([]byte(snapshotMagic), snapshotVersion))
	for _, key := range slices.Sorted(maps.Keys(c)) {
		i := c[key]
		s.scratch = appendBytes(s.scratch[:0], key)
		s.scratch = binary.AppendUvarint(s.scratch, uint64(i.version))
		s.scratch = binary.AppendUvarint(s.scratch, uint64(len(i.value)))
		s.write(s.scratch)
		s.write(i.value)
	}
	s.write(binary.AppendUvarint([]byte{0}, uint64(len(c))))
	s.write(binary.LittleEndian.AppendUint32(nil, s.sum.Sum32()))
	if s.err == nil {
		s.err = s.to.Flush()
	}
	return s.written, s.err
}

// snapshotWriter counts and sums what it writes, and keeps the first error.
type snapshotWriter struct {
	to      *bufio.Writer
	sum     hash.Hash32
	written int64
	scratch []byte
	err     error
}

func (s *snapshotWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	s.sum.Write(b)
	n, err := s.to.Write(b)
	s.written, s.err = s.written+int64(n), err
}

// readSnapshot takes nothing but what WriteTo wrote, whole.
func readSnapshot(r io.Reader) (map[string]item, error) {
	s := &snapshotReader{from: bufio.NewReaderSize(r, 64<<10), sum: crc32.New(castagnoli)}
	if err := s.header(); err != nil {
		return nil, err
	}
	items := map[string]item{}
	last := ""
	for {
		key, i, err := s.item()
		switch {
		case err != nil:
			return nil, err
		case key == "":
			return items, s.end(len(items))
		case key <= last:
			return nil, fmt.Errorf("%w: key %q stands after %q", ErrSnapshot, key, last)
		}
		items[key], last = i, key
	}
}

// snapshotReader sums what it reads.
type snapshotReader struct {
	from *bufio.Reader
	sum  hash.Hash32
}

// ReadByte makes it an io.ByteReader, for binary.ReadUvarint.
func (s *snapshotReader) ReadByte() (byte, error) {
	b, err := s.from.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

func (s *snapshotReader) header() error {
	head, err := s.take(len(snapshotMagic) + 1)
	if err != nil {
		return err
	}
	if string(head[:len(snapshotMagic)]) != snapshotMagic {
		return fmt.Errorf("%w: it does not begin with %q", ErrSnapshot, snapshotMagic)
	}
	if v := head[len(snapshotMagic)]; v != snapshotVersion {
		return fmt.Errorf("%w: format %d, this program knows %d", ErrSnapshotVersion, v, snapshotVersion)
	}
	return nil
}

// item reads a key and what it holds; the key is "" at the end.
func (s *snapshotReader) item() (key string, i item, err error) {
	name, err := s.bytes("key", MaxKey)
	if err != nil || len(name) == 0 {
		return "", i, err
	}
	version, err := s.uvarint()
	if err != nil {
		return "", i, err
	}
	value, err := s.bytes("value", MaxValue)
	return string(name), item{value, balsa.Index(version)}, err
}

// end checks the count and the sum, and that nothing follows.
func (s *snapshotReader) end(count int) error {
	n, err := s.uvarint()
	if err != nil {
		return err
	}
	if n != uint64(count) {
		return fmt.Errorf("%w: it says that it has %d keys and has %d", ErrSnapshot, n, count)
	}
	want := s.sum.Sum32()
	sum, err := s.take(4)
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

func (s *snapshotReader) bytes(what string, limit int) ([]byte, error) {
	n, err := s.uvarint()
	if err != nil {
		return nil, err
	}
	if n > uint64(limit) {
		return nil, fmt.Errorf("%w: a %s of %d bytes, the limit is %d", ErrSnapshot, what, n, limit)
	}
	return s.take(int(n))
}

func (s *snapshotReader) take(n int) ([]byte, error) {
	b := make([]byte, n)
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
