package web

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The Go linker leaves runs of zeros out of a program's data and begins a new segment
// behind each. Tables of the runtime's that are mostly zeros become a hundred thousand
// segments of two bytes, each with its own address, and addresses do not compress:
// joined, with the zeros between them, they take a tenth less of the whole program.
//
//	module   8 bytes, sections
//	section  u8 id, leb size, payload
//	data     leb count, each: leb 0, 0x41 sleb address 0x0b, leb size, bytes

// mostZeros is over how many zeros two segments are joined.
const mostZeros = 256

const (
	moduleHead    = 8
	customSection = 0
	dataSection   = 11
)

var errModule = errors.New("this is no WebAssembly module as the Go linker writes it")

// joinSegments returns the module with neighbouring segments of its data joined, and without
// the sections that say who built it. What memory holds once it is loaded is the same: it is
// zero before.
func joinSegments(module []byte) ([]byte, error) {
	out := append([]byte(nil), module[:min(moduleHead, len(module))]...)
	in := reader{rest: module[len(out):]}
	for len(in.rest) > 0 && !in.bad {
		id := in.bytes(1)
		payload := in.bytes(int(in.uleb()))
		if in.bad {
			break
		}
		switch id[0] {
		case customSection:
			continue
		case dataSection:
			joined, err := joinData(payload)
			if err != nil {
				return nil, err
			}
			payload = joined
		}
		out = binary.AppendUvarint(append(out, id[0]), uint64(len(payload)))
		out = append(out, payload...)
	}
	if in.bad || len(out) < moduleHead {
		return nil, errModule
	}
	return out, nil
}

type segment struct {
	address int64
	bytes   []byte
}

func (s segment) end() int64 { return s.address + int64(len(s.bytes)) }

func joinData(payload []byte) ([]byte, error) {
	in := reader{rest: payload}
	var segments []segment
	for count := in.uleb(); count > 0 && !in.bad; count-- {
		s, ok := in.segment()
		if !ok {
			return nil, errModule
		}
		segments = append(segments, s)
	}
	if in.bad || len(in.rest) > 0 {
		return nil, errModule
	}
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.address, b.address) })
	joined := make([]segment, 0, len(segments))
	for _, s := range segments {
		last := len(joined) - 1
		switch {
		case last >= 0 && s.address < joined[last].end():
			return nil, fmt.Errorf("%w: two segments of its data overlap", errModule)
		case last >= 0 && s.address <= joined[last].end()+mostZeros:
			before := &joined[last]
			before.bytes = append(before.bytes, make([]byte, s.address-before.end())...)
			before.bytes = append(before.bytes, s.bytes...)
		default:
			joined = append(joined, segment{s.address, slices.Clone(s.bytes)})
		}
	}
	out := binary.AppendUvarint(nil, uint64(len(joined)))
	for _, s := range joined {
		out = appendSleb(append(out, 0, 0x41), s.address)
		out = binary.AppendUvarint(append(out, 0x0b), uint64(len(s.bytes)))
		out = append(out, s.bytes...)
	}
	return out, nil
}

// reader reads a module; after something that is not there it is bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if r.bad || n < 0 || n > len(r.rest) {
		r.bad = true
		return make([]byte, 1)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uleb() uint64 {
	value, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.bytes(n)
	return value
}

func (r *reader) sleb() (value int64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.bytes(1)[0]
		value |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 && shift+7 < 64 {
				value |= -1 << (shift + 7)
			}
			return value
		}
	}
	r.bad = true
	return 0
}

// segment reads one that is put into memory at a constant address.
func (r *reader) segment() (s segment, ok bool) {
	if mode := r.uleb(); mode != 0 || r.bytes(1)[0] != 0x41 {
		return s, false
	}
	// An address is a number of 32 bits without a sign, written as one with a sign.
	s.address = int64(uint32(r.sleb()))
	if r.bytes(1)[0] != 0x0b {
		return s, false
	}
	s.bytes = r.bytes(int(r.uleb()))
	return s, !r.bad
}

// appendSleb writes an address as a number of 32 bits with a sign.
func appendSleb(b []byte, address int64) []byte {
	value := int64(int32(uint32(address)))
	for {
		low := byte(value & 0x7f)
		value >>= 7
		if value == 0 && low&0x40 == 0 || value == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
