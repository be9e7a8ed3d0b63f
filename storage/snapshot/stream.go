package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Encoder writes a state to a stream, as the bytes of a snapshot's file. It has one caller
// at a time.
type Encoder struct {
	to      io.Writer
	header  header
	slot    []byte // the block that is being filled, its header included
	number  int64  // of that block
	trailer trailer
	err     error // the first one; nothing is written after it
}

// NewEncoder begins the file of a snapshot. Errors: those of w, or a membership that is
// too large for a header.
func NewEncoder(w io.Writer, meta Meta) (*Encoder, error) { return newEncoder(w, meta, defaultBlock) }

func newEncoder(w io.Writer, meta Meta, block int64) (*Encoder, error) {
	h, encoded, err := newHeader(meta, block)
	if err != nil {
		return nil, err
	}
	e := &Encoder{to: w, header: h, slot: make([]byte, blockHeader, blockHeader+h.block)}
	e.put(encoded)
	return e, e.err
}

// Write adds to the state. After an error, which is that of the stream, nothing more is
// written.
func (e *Encoder) Write(p []byte) (n int, err error) {
	for len(p) > 0 && e.err == nil {
		room := cap(e.slot) - len(e.slot)
		take := p[:min(room, len(p))]
		e.slot = append(e.slot, take...)
		p, n = p[len(take):], n+len(take)
		if len(e.slot) == cap(e.slot) {
			e.flush()
		}
	}
	return n, e.err
}

// flush writes the block.
func (e *Encoder) flush() {
	e.trailer.digest.add(sealBlock(e.slot, e.header.sum, e.number))
	e.trailer.state += int64(len(e.slot) - blockHeader)
	e.put(e.slot)
	e.number++
	e.slot = e.slot[:blockHeader]
}

func (e *Encoder) put(b []byte) {
	if e.err == nil {
		_, e.err = e.to.Write(b)
	}
}

// Close writes what ends the file. Without it, who reads it finds it cut off. The stream
// stays open.
func (e *Encoder) Close() error {
	if e.err == nil && len(e.slot) > blockHeader {
		e.flush()
	}
	e.put(e.trailer.encode(e.header.sum, e.number))
	return e.err
}

// Decoder reads a state from a stream that has the bytes of a snapshot's file. It has one
// caller at a time.
type Decoder struct {
	from   io.Reader
	name   string // for errors
	header header
	off    int64  // of what was read
	slot   []byte // the present block, its header included
	data   []byte // of it, not handed out yet
	number int64  // of the next block
	state  int64
	digest digest
	last   bool // the present block is shorter than the others
	err    error
}

// NewDecoder reads the header of a snapshot's file; name is what errors call the stream.
// Errors: *DamageError if it is none or is cut off, ErrVersion, or those of r.
func NewDecoder(r io.Reader, name string) (*Decoder, error) {
	d := &Decoder{from: r, name: name}
	prologue := make([]byte, prologueSize)
	if err := d.read(prologue); err != nil {
		return nil, err
	}
	version, length, err := parsePrologue(prologue)
	switch {
	case err != nil:
		return nil, d.damage(0, err.Error())
	case version != formatVersion:
		return nil, versionError(name, version)
	}
	b := append(prologue, make([]byte, length-prologueSize)...)
	if err := d.read(b[prologueSize:]); err != nil {
		return nil, err
	}
	if d.header, err = parseHeader(b); err != nil {
		return nil, d.damage(0, err.Error())
	}
	return d, nil
}

// Meta says what the snapshot is of.
func (d *Decoder) Meta() Meta { return d.header.meta }

// Read reads the state. Bytes are checked before they are handed out, and io.EOF says that
// the whole was, and that nothing follows it. Errors: *DamageError, or those of the stream.
func (d *Decoder) Read(p []byte) (int, error) {
	for len(d.data) == 0 && len(p) > 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.err = d.next()
	}
	n := copy(p, d.data)
	d.data = d.data[n:]
	return n, nil
}

// next reads a block, or the trailer, and then returns io.EOF.
func (d *Decoder) next() error {
	start := d.off
	d.slot = append(d.slot[:0], make([]byte, blockHeader)...)
	if err := d.read(d.slot); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(d.slot))
	switch {
	case length == 0:
		return d.end(start)
	case length > d.header.block || d.last:
		return d.damage(start, fmt.Sprintf("block %d has a length that it cannot have", d.number))
	}
	d.last = length < d.header.block
	d.slot = append(d.slot, make([]byte, length)...)
	if err := d.read(d.slot[blockHeader:]); err != nil {
		return err
	}
	sum, ok := checkBlock(d.slot, d.header.sum, d.number)
	if !ok {
		return d.damage(start, fmt.Sprintf("block %d does not verify", d.number))
	}
	d.digest.add(sum)
	d.number++
	d.state += length
	d.data = d.slot[blockHeader:]
	return nil
}

func (d *Decoder) end(start int64) error {
	d.slot = append(d.slot, make([]byte, trailerSize-blockHeader)...)
	if err := d.read(d.slot[blockHeader:]); err != nil {
		return err
	}
	if t, ok := parseTrailer(d.slot, d.header.sum, d.number); !ok || t != (trailer{d.state, d.digest}) {
		return d.damage(start, "the trailer does not verify")
	}
	var more [1]byte
	switch n, err := io.ReadFull(d.from, more[:]); {
	case n > 0:
		return d.damage(d.off, "there is more after its end")
	case err != io.EOF:
		return d.failed(err)
	}
	return io.EOF
}

func (d *Decoder) damage(off int64, reason string) error {
	return StreamDamage(d.name, off, reason)
}

// read fills b.
func (d *Decoder) read(b []byte) error {
	n, err := io.ReadFull(d.from, b)
	d.off += int64(n)
	// Those of ReadFull itself: one that the stream wraps is of something below it.
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.damage(d.off, "it is cut off here")
	}
	return d.failed(err)
}

func (d *Decoder) failed(err error) error {
	if err == nil || isDamage(err) {
		return err
	}
	return fmt.Errorf("read %s at offset %d: %w", d.name, d.off, err)
}
