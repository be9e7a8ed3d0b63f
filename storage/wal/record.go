package wal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/balsaraft/balsa/internal/unzeroed"
	"github.com/balsaraft/balsa/wire"
)

// recordKind says what a record's payload is.
type recordKind uint8

const (
	// kindHardState: u64 term and voteFree, u64 vote.
	kindHardState recordKind = 1
	// kindBatch: a wire.Batch. It follows the entries before it or replaces those
	// from its first index on.
	kindBatch recordKind = 2
	// kindCompact: u64 term, u64 index of the last entry that is not needed any more.
	kindCompact recordKind = 3
	// kindReset: u64 term, u64 index after which the log goes on without entries.
	kindReset recordKind = 4
	// kindSeal: nothing. It is the last record of a segment that has a next one.
	kindSeal recordKind = 5
)

const (
	recordHeaderSize = 20
	// recordAlign keeps the places where a record can begin few, for the search that
	// tells a torn tail from damage.
	recordAlign = 8
	// smallPayload is the size of every payload but a batch's.
	smallPayload = 16

	sealSize  = (recordHeaderSize + recordAlign - 1) / recordAlign * recordAlign
	smallSize = (recordHeaderSize + smallPayload + recordAlign - 1) / recordAlign * recordAlign
)

// recordSize is the place that a record takes, padding included.
func recordSize(payload int) int64 {
	return int64((recordHeaderSize + payload + recordAlign - 1) &^ (recordAlign - 1))
}

// A record is one thing that the log was told, as it stands in a segment:
//
//	 0  u32  CRC-32C of all that follows, padding included, after the segment's
//	         identity and the record's own offset, which are not stored
//	 4  u32  length of the payload in bytes
//	 8  u32  the CRC of the record before, in this segment or the one before it
//	12  u32  where the flush began that wrote it, in this segment, in units of 8 bytes
//	16  u8   kind
//	17  u24  the lowest bits of the CRC-32C of bytes 4 to 16, after the same identity
//	         and offset
//	20       payload, then zeros up to a multiple of 8
//
// A record verifies in one place only: its checksum covers the member, the segment's
// sequence number and the offset. A CRC detects every difference that lies within 32
// bits for certain, so a record that a recycled segment still holds from a former
// life, or one that was written to another place of its segment, never verifies; the
// odds for any other bytes are 2^-32, and against the chain as well 2^-64.
//
// The u24 lets a search for records pass over other bytes without trusting a length
// in them: else data that looks like record headers could make it hash a segment over
// and over.
type record struct {
	kind    recordKind
	sum     uint32 // its checksum, which the next record repeats
	prev    uint32
	flush   int64 // where its flush began
	size    int64 // padding included
	payload []byte
}

// seedOf is where the checksums of a segment's records begin.
func seedOf(member wire.MemberID, sequence uint64) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(member))
	binary.LittleEndian.PutUint64(b[8:], sequence)
	return crc32.Checksum(b[:], wire.Castagnoli)
}

// headSum is the checksum of a record's header, without the u24 that comes from it.
func headSum(seed uint32, offset int64, header []byte) uint32 {
	return crc32.Update(sumOffset(seed, offset), wire.Castagnoli, header[4:17])
}

// sumOffset adds an offset, as a little-endian u64, to a checksum. It is crc32.Update
// by hand, for which eight bytes would have to be allocated each time.
func sumOffset(sum uint32, offset int64) uint32 {
	sum = ^sum
	for range 8 {
		sum = wire.Castagnoli[byte(sum)^byte(offset)] ^ sum>>8
		offset >>= 8
	}
	return ^sum
}

// padding follows a payload, as much as fills up its record.
var padding [recordAlign]byte

// putRecordHeader fills header, of recordHeaderSize bytes, for a record that will stand at
// offset of a segment, and returns its checksum and the zeros that follow the payload.
func putRecordHeader(header []byte, seed uint32, offset, flush int64, prev uint32, kind recordKind, payload []byte) (sum uint32, zeros []byte) {
	zeros = padding[:recordSize(len(payload))-recordHeaderSize-int64(len(payload))]
	sum = beginRecord(header, seed, offset, flush, prev, kind, len(payload))
	sum = crc32.Update(sum, wire.Castagnoli, payload)
	sum = crc32.Update(sum, wire.Castagnoli, zeros)
	binary.LittleEndian.PutUint32(header, sum)
	return sum, zeros
}

// putRecord fills b, which has the size of the record, with all of it, and returns its
// checksum. The payload's bytes are summed up while they are in the processor's nearest
// cache, where their being copied has brought them.
func putRecord(b []byte, seed uint32, offset, flush int64, prev uint32, kind recordKind, payload []byte) (sum uint32) {
	const near = 8 << 10
	sum = beginRecord(b, seed, offset, flush, prev, kind, len(payload))
	rest := b[recordHeaderSize:]
	for len(payload) > 0 {
		n := copy(rest, payload[:min(near, len(payload))])
		sum = crc32.Update(sum, wire.Castagnoli, payload[:n])
		rest, payload = rest[n:], payload[n:]
	}
	clear(rest)
	sum = crc32.Update(sum, wire.Castagnoli, rest)
	binary.LittleEndian.PutUint32(b, sum)
	return sum
}

// beginRecord fills a record's header but for its checksum, and returns what that is before
// the payload.
func beginRecord(header []byte, seed uint32, offset, flush int64, prev uint32, kind recordKind, payload int) (sum uint32) {
	binary.LittleEndian.PutUint32(header[4:], uint32(payload))
	binary.LittleEndian.PutUint32(header[8:], prev)
	binary.LittleEndian.PutUint32(header[12:], uint32(flush/recordAlign))
	header[16] = byte(kind)
	sum = headSum(seed, offset, header)
	header[17], header[18], header[19] = byte(sum), byte(sum>>8), byte(sum>>16)
	return crc32.Update(sum, wire.Castagnoli, header[17:recordHeaderSize])
}

// recordSpan says how long the record is whose header stands at offset, if it is one
// of this segment.
func recordSpan(seed uint32, offset int64, header []byte) (size int64, ok bool) {
	if kind := recordKind(header[16]); kind < kindHardState || kind > kindSeal {
		return 0, false
	}
	if int64(binary.LittleEndian.Uint32(header[12:]))*recordAlign > offset {
		return 0, false
	}
	sum := headSum(seed, offset, header)
	if header[17] != byte(sum) || header[18] != byte(sum>>8) || header[19] != byte(sum>>16) {
		return 0, false
	}
	return recordSize(int(binary.LittleEndian.Uint32(header[4:]))), true
}

// parseRecord verifies the record that fills b and stands at offset.
func parseRecord(seed uint32, offset int64, b []byte) (record, bool) {
	sum := crc32.Update(headSum(seed, offset, b), wire.Castagnoli, b[17:])
	r := record{
		kind:  recordKind(b[16]),
		sum:   binary.LittleEndian.Uint32(b[0:]),
		prev:  binary.LittleEndian.Uint32(b[8:]),
		flush: int64(binary.LittleEndian.Uint32(b[12:])) * recordAlign,
		size:  int64(len(b)),
	}
	end := recordHeaderSize + int(binary.LittleEndian.Uint32(b[4:]))
	r.payload = b[recordHeaderSize:end:end]
	return r, r.sum == sum
}

// putPos and the three after it are the small payloads: two numbers.
func putPos(b *[smallPayload]byte, p wire.Pos) []byte {
	return putPair(b, uint64(p.Term), uint64(p.Index))
}

func putHardState(b *[smallPayload]byte, h HardState) []byte {
	return putPair(b, packTerm(h), uint64(h.Vote))
}

const (
	// voteFree is the highest bit of a hard state's term. It stands if the vote is not
	// promised away.
	voteFree = 1 << 63
	// promiseVersion is the first version that knows it. What stands in a segment of a lower
	// one may be read by a program of before, and has promised for all that it says.
	promiseVersion = 2
)

func packTerm(h HardState) uint64 {
	if h.Promised {
		return uint64(h.Term)
	}
	return uint64(h.Term) | voteFree
}

func unpackHardState(term, vote uint64) HardState {
	return HardState{Term: wire.Term(term &^ voteFree), Vote: wire.MemberID(vote), Promised: term&voteFree == 0}
}

func putPair(b *[smallPayload]byte, x, y uint64) []byte {
	binary.LittleEndian.PutUint64(b[0:], x)
	binary.LittleEndian.PutUint64(b[8:], y)
	return b[:]
}

func pairOf(b []byte) (x, y uint64) {
	return binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:])
}

// A recordReader reads the records of one segment through a window on its file.
type recordReader struct {
	file  readerAt
	seed  uint32
	size  int64 // of the file
	chunk int64 // how much to read at a time, at least
	reuse bool  // the window's memory may be used again: nobody keeps a payload

	window []byte
	at     int64 // the window's offset in the file
}

// readerAt is io.ReaderAt, of which a recordReader needs no more.
type readerAt interface {
	ReadAt(b []byte, offset int64) (int, error)
}

// record returns the record at offset, and false if none stands there that verifies.
func (r *recordReader) record(offset int64) (record, bool, error) {
	header, err := r.bytes(offset, recordHeaderSize)
	if header == nil {
		return record{}, false, err
	}
	size, ok := recordSpan(r.seed, offset, header)
	if !ok {
		return record{}, false, nil
	}
	b, err := r.bytes(offset, size)
	if b == nil {
		return record{}, false, err
	}
	rec, ok := parseRecord(r.seed, offset, b)
	return rec, ok, nil
}

// bytes returns n bytes at offset, or nil if the file does not have them.
func (r *recordReader) bytes(offset, n int64) ([]byte, error) {
	if offset+n > r.size {
		return nil, nil
	}
	if offset < r.at || offset+n > r.at+int64(len(r.window)) {
		if err := r.move(offset, n); err != nil {
			return nil, err
		}
	}
	from := offset - r.at
	return r.window[from : from+n : from+n], nil
}

// move puts the window's beginning to offset. What the window has of the bytes from there on
// is not read again: most records do not end where a window does.
func (r *recordReader) move(offset, n int64) error {
	length := min(max(n, r.chunk), r.size-offset)
	var kept []byte
	if skip := offset - r.at; skip >= 0 && skip < int64(len(r.window)) {
		kept = r.window[skip:]
	}
	if r.reuse && length <= int64(cap(r.window)) {
		r.window = r.window[:length]
	} else {
		r.window = unzeroed.Bytes(int(length))
	}
	r.at = offset
	have := int64(copy(r.window, kept))
	if read, err := r.file.ReadAt(r.window[have:], offset+have); have+int64(read) < length {
		r.window = r.window[:0]
		return err
	}
	return nil
}
