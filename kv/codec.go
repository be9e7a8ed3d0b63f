package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
)

func appendBytes[T ~string | ~[]byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errShort = errors.New("cut off")

// decoder takes fields off the front of rest. After the first error it yields zeros,
// so that callers check once, with finish.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// version takes the first byte, and refuses what a newer program wrote.
func (d *decoder) version() {
	if v := d.byte(); d.err == nil && v != commandVersion {
		d.fail(fmt.Errorf("version %d, this program knows %d", v, commandVersion))
	}
}

func (d *decoder) byte() byte {
	if d.err == nil && len(d.rest) == 0 {
		d.fail(errShort)
	}
	if d.err != nil {
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) u64() uint64 {
	const size = 8
	if len(d.rest) < size {
		d.fail(errShort)
	}
	if d.err != nil {
		return 0
	}
	v := binary.LittleEndian.Uint64(d.rest)
	d.rest = d.rest[size:]
	return v
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	switch {
	case n <= 0:
		d.fail(errShort)
		return 0
	case n > 1 && d.rest[n-1] == 0:
		// A number has one spelling, so that equal commands are equal bytes.
		d.fail(errors.New("a number is spelled longer than it need be"))
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// count takes a number of things, each of which has a byte at least.
func (d *decoder) count(limit int) int {
	n := d.uvarint()
	if d.err == nil && n > uint64(min(limit, len(d.rest))) {
		d.fail(fmt.Errorf("%d of something, there can be %d", n, min(limit, len(d.rest))))
		return 0
	}
	return int(n)
}

// bytes takes a length and that many bytes, which it shares with the input.
func (d *decoder) bytes(limit int) []byte {
	n := d.uvarint()
	switch {
	case d.err != nil:
		return nil
	case n > uint64(limit):
		d.fail(fmt.Errorf("a field of %d bytes, the limit is %d", n, limit))
		return nil
	case n > uint64(len(d.rest)):
		d.fail(errShort)
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// finish returns the first error, and complains about bytes that no field took.
func (d *decoder) finish() error {
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.rest))
	}
	return d.err
}
