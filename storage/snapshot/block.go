package snapshot

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/balsaraft/balsa/wire"
)

const (
	blockHeader = 8
	trailerSize = 20
)

// sealBlock fills in the header of a block whose data stands in slot after it, and
// returns the checksum.
func sealBlock(slot []byte, seed uint32, number int64) uint32 {
	binary.LittleEndian.PutUint32(slot, uint32(len(slot)-blockHeader))
	sum := blockSum(slot, seed, number)
	binary.LittleEndian.PutUint32(slot[4:], sum)
	return sum
}

// checkBlock says whether slot is that block, of that length, and its checksum.
func checkBlock(slot []byte, seed uint32, number int64) (sum uint32, ok bool) {
	sum = blockSum(slot, seed, number)
	ok = binary.LittleEndian.Uint32(slot) == uint32(len(slot)-blockHeader) && binary.LittleEndian.Uint32(slot[4:]) == sum
	return sum, ok
}

func blockSum(slot []byte, seed uint32, number int64) uint32 {
	return crc32.Update(placeSum(slot, seed, number), wire.Castagnoli, slot[blockHeader:])
}

// placeSum is the part of a checksum that ties a block or trailer to its place.
func placeSum(slot []byte, seed uint32, number int64) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint32(place[0:], seed)
	binary.LittleEndian.PutUint64(place[4:], uint64(number))
	copy(place[12:], slot[:4])
	return checksum(place[:])
}

// A digest is the checksum of all blocks' checksums.
type digest uint32

func (d *digest) add(sum uint32) {
	*d = digest(crc32.Update(uint32(*d), wire.Castagnoli, binary.LittleEndian.AppendUint32(nil, sum)))
}

// trailer is a file's last part.
type trailer struct {
	state  int64 // the state's length
	digest digest
}

func (t trailer) encode(seed uint32, blocks int64) []byte {
	b := make([]byte, trailerSize)
	binary.LittleEndian.PutUint64(b[8:], uint64(t.state))
	binary.LittleEndian.PutUint32(b[16:], uint32(t.digest))
	binary.LittleEndian.PutUint32(b[4:], blockSum(b, seed, blocks))
	return b
}

func parseTrailer(b []byte, seed uint32, blocks int64) (trailer, bool) {
	t := trailer{
		state:  int64(binary.LittleEndian.Uint64(b[8:])),
		digest: digest(binary.LittleEndian.Uint32(b[16:])),
	}
	return t, string(t.encode(seed, blocks)) == string(b)
}

// shape is where things are in a file of a known size.
type shape struct {
	header int64 // its length
	block  int64 // data in each block but the last
	state  int64 // length of the state
	size   int64 // of the file
}

// shapeOf is the shape of a file of that size, if it can have it.
func shapeOf(h header, size int64) (shape, bool) {
	s := shape{header: h.length, block: h.block, size: size}
	body := size - h.length - trailerSize
	full, rest := body/(blockHeader+h.block), body%(blockHeader+h.block)
	s.state = full*h.block + max(rest-blockHeader, 0)
	return s, body >= 0 && (rest == 0 || rest > blockHeader)
}

// blocks is their number.
func (s shape) blocks() int64 { return (s.state + s.block - 1) / s.block }

// slot is where a block is, its header included; the trailer comes where the block
// after the last would.
func (s shape) slot(number int64) (off, size int64) {
	off = s.header + number*(blockHeader+s.block)
	if number == s.blocks() {
		return s.size - trailerSize, trailerSize
	}
	return off, blockHeader + min(s.block, s.state-number*s.block)
}

// at is the number of the block, or of the trailer, that the byte at off lies in.
func (s shape) at(off int64) int64 {
	if off >= s.size-trailerSize {
		return s.blocks()
	}
	return (off - s.header) / (blockHeader + s.block)
}
