package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

// Compress makes a writer for balsa.Node.Backup. What is written to w is whole once Close
// has returned nil; w stays open. The level is the one that keeps up with a disk, on
// one processor: the member needs the others to serve on.
func Compress(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic("backup: options that zstd refuses: " + err.Error()) // they are constants
	}
	return z
}

// magic is what a Zstandard frame begins with (RFC 8878 §3.1.1).
var magic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Decompress reads the snapshot's file out of a backup; name is what errors call it. One
// that is not compressed is read as it is. Errors: *snapshot.DamageError, or those of r. It
// is to be closed, which leaves r open.
func Decompress(r io.Reader, name string) io.ReadCloser {
	from := bufio.NewReaderSize(r, 256<<10)
	d := &decompressor{name: name, read: &remembering{Reader: from}}
	head, err := from.Peek(len(magic))
	if err != nil || !bytes.Equal(head, magic) {
		d.plain = true // short, or failing: whoever reads on says so
		return d
	}
	if d.zstd, err = zstd.NewReader(d.read, zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderConcurrency(2)); err != nil {
		d.err = d.explain(err)
	}
	return d
}

// decompressor tells a reader that fails from bytes that are wrong.
type decompressor struct {
	name  string
	read  *remembering
	zstd  *zstd.Decoder
	plain bool
	err   error
}

func (d *decompressor) Read(b []byte) (n int, err error) {
	switch {
	case d.err != nil:
		return 0, d.err
	case d.plain:
		return d.read.Read(b)
	}
	n, err = d.zstd.Read(b)
	if err != nil && err != io.EOF {
		d.err = d.explain(err)
		err = d.err
	}
	return n, err
}

func (d *decompressor) explain(err error) error {
	if d.read.err != nil {
		return fmt.Errorf("read %s at offset %d: %w", d.name, d.read.offset, d.read.err)
	}
	reason := "it does not decompress: " + err.Error()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		reason = "it is cut off here"
	}
	return snapshot.StreamDamage(d.name, d.read.offset, reason)
}

// Close implements io.Closer.
func (d *decompressor) Close() error {
	if d.zstd != nil {
		d.zstd.Close()
	}
	return nil
}

// remembering keeps its reader's error, but for its end, and counts.
type remembering struct {
	io.Reader
	offset int64
	err    error
}

func (r *remembering) Read(b []byte) (n int, err error) {
	n, err = r.Reader.Read(b)
	r.offset += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// Info is what a backup is of.
type Info struct {
	Cluster wire.ClusterID  `json:"cluster"`
	Index   wire.Index      `json:"index"` // all up to here is in it, and nothing after
	Term    wire.Term       `json:"term"`
	Time    time.Time       `json:"time"` // of the entry at Index, by the leader's clock
	Members wire.Membership `json:"-"`    // as of Index
}

// Reader reads the state of a backup. It is to be closed.
type Reader struct {
	Info
	io.Reader // the state; each byte is checked before it is handed out, the end too
	close     func() error
}

// Close leaves the reader below open.
func (r *Reader) Close() error { return r.close() }

// Open reads what a backup is of; name is what errors call it. Errors:
// *snapshot.DamageError, which is a balsa.ErrBackup, balsa.ErrNewerVersion, or those of r.
func Open(r io.Reader, name string) (*Reader, error) {
	plain := Decompress(r, name)
	state, err := snapshot.NewDecoder(plain, name)
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	m := state.Meta()
	return &Reader{
		Info{Cluster: m.Cluster, Index: m.Pos.Index, Term: m.Pos.Term, Time: time.Unix(0, m.Time), Members: m.Membership},
		state, plain.Close,
	}, nil
}

// Check reads a whole backup, and says what it is of. Errors are those of Open and of
// reading.
func Check(r io.Reader, name string) (Info, error) {
	b, err := Open(r, name)
	if err != nil {
		return Info{}, err
	}
	_, err = io.Copy(io.Discard, b)
	return b.Info, errors.Join(err, b.Close())
}
