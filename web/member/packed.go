package main

import (
	"encoding/binary"
	"errors"
)

// Between page and Worker a message costs much more than a byte, so what comes in numbers
// is packed into one: integers and floats little-endian, bytes behind their length.
//
//	proposals  u32 count, each: u32 call, u8 1 if it may be cancelled, u32 length, bytes
//	commands   u32 count, u8 1 if results are to be said now, f64 how many results have come,
//	           each: f64 index, f64 time in ms, f64 chance in [0,1), u32 length, bytes
//	results    u32 count, each: u32 length, bytes; the next ones, in the order of their commands
//	outcomes   u32 count, each: u32 call, u8 verdict, u32 length, bytes

// proposal is a command of the page.
type proposal struct {
	call      uint32
	mayCancel bool
	command   []byte
}

var errPacked = errors.New("the page and its Worker are of different versions: reload the page")

// unpacker reads packed values; after an error everything is zero.
type unpacker struct {
	rest []byte
	err  error
}

func (u *unpacker) take(n int) []byte {
	if u.err != nil || n < 0 || n > len(u.rest) {
		u.err, u.rest = errPacked, nil
		return make([]byte, min(max(n, 0), 8))
	}
	b := u.rest[:n:n]
	u.rest = u.rest[n:]
	return b
}

func (u *unpacker) u32() uint32   { return binary.LittleEndian.Uint32(u.take(4)) }
func (u *unpacker) bytes() []byte { return u.take(int(u.u32())) }

// unpackProposals gives each proposal a part of b.
func unpackProposals(b []byte) (ps []proposal, err error) {
	u := unpacker{rest: b}
	for count := u.u32(); count > 0 && u.err == nil; count-- {
		ps = append(ps, proposal{call: u.u32(), mayCancel: u.take(1)[0] == 1, command: u.bytes()})
	}
	return ps, u.err
}

func unpackResults(b []byte) (results [][]byte, err error) {
	u := unpacker{rest: b}
	for count := u.u32(); count > 0 && u.err == nil; count-- {
		results = append(results, u.bytes())
	}
	return results, u.err
}

func appendBytes(b, bytes []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(bytes))), bytes...)
}
