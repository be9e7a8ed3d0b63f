package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errShort is met when an encoding ends before its fields do.
var errShort = errors.New("cut off")

// decoder takes fields off the front of rest. After the first error it yields zeros,
// so that callers check once, with finish.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.rest)) {
		d.err = errShort
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.err = errShort
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	v := d.uvarint()
	if v > math.MaxUint32 {
		d.err = fmt.Errorf("%d is over %d", v, uint32(math.MaxUint32))
		return 0
	}
	return uint32(v)
}

// bytes reads a length and that many bytes, which it shares.
func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

// finish returns the first error, and complains about bytes that no field took.
func (d *decoder) finish() error {
	if d.err == nil && len(d.rest) > 0 {
		return fmt.Errorf("%d bytes too many", len(d.rest))
	}
	return d.err
}

func appendBytes[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
