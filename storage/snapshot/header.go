package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/balsaraft/balsa/wire"
)

const (
	magic         = "BALSASNP"
	formatVersion = 1

	prologueSize = 20 // the part of the header that is the same in every version
	fixedSize    = 64 // the header without membership and checksum
	maxHeader    = 2 << 20

	// defaultBlock is large enough that headers and calls cost nothing beside the
	// data, and small enough to check before each piece that is handed out.
	defaultBlock = 64 << 10
	maxBlock     = 1 << 20
)

// Meta says what a snapshot is of. It may be shared.
type Meta struct {
	Pos        wire.Pos        // the last entry whose effect it holds
	Time       int64           // that entry's, nanoseconds since 1970 by the replicated clock
	Membership wire.Membership // as of that entry; may be empty
	ID         uint64          // drawn when it was taken; copies have the same
	Cluster    wire.ClusterID  // 0 if it had none yet
}

// header is a file's first part.
type header struct {
	meta   Meta
	length int64 // H
	block  int64 // B
	sum    uint32
}

// newHeader encodes the header of a snapshot.
func newHeader(meta Meta, block int64) (header, []byte, error) {
	b := make([]byte, fixedSize, 512)
	if !meta.Membership.Empty() {
		b = meta.Membership.Append(b)
	}
	h := header{meta: meta, length: int64(len(b)) + 4, block: block}
	if h.length > maxHeader {
		return h, nil, fmt.Errorf("encode the snapshot's header: %d bytes, %d is the most", h.length, maxHeader)
	}
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.length))
	binary.LittleEndian.PutUint32(b[16:], checksum(b[:16]))
	binary.LittleEndian.PutUint32(b[20:], uint32(block))
	binary.LittleEndian.PutUint64(b[24:], meta.ID)
	binary.LittleEndian.PutUint64(b[32:], uint64(meta.Cluster))
	binary.LittleEndian.PutUint64(b[40:], uint64(meta.Pos.Term))
	binary.LittleEndian.PutUint64(b[48:], uint64(meta.Pos.Index))
	binary.LittleEndian.PutUint64(b[56:], uint64(meta.Time))
	h.sum = checksum(b)
	return h, binary.LittleEndian.AppendUint32(b, h.sum), nil
}

// errHeader is under what parsePrologue and parseHeader find wrong, but for the
// version.
var errHeader = errors.New("malformed header")

// parsePrologue returns version and length of the header that begins with b.
func parsePrologue(b []byte) (version uint32, length int64, err error) {
	switch {
	case len(b) < prologueSize:
		return 0, 0, fmt.Errorf("%w: cut off", errHeader)
	case string(b[:8]) != magic:
		return 0, 0, fmt.Errorf("%w: it does not begin with %q", errHeader, magic)
	case binary.LittleEndian.Uint32(b[16:]) != checksum(b[:16]):
		return 0, 0, fmt.Errorf("%w: its first checksum does not match", errHeader)
	}
	version, length = binary.LittleEndian.Uint32(b[8:]), int64(binary.LittleEndian.Uint32(b[12:]))
	if version == formatVersion && (length < fixedSize+4 || length > maxHeader) {
		return 0, 0, fmt.Errorf("%w: a length of %d bytes", errHeader, length)
	}
	return version, length, nil
}

// parseHeader reads a whole header whose prologue parsePrologue has accepted.
func parseHeader(b []byte) (header, error) {
	body := b[:len(b)-4]
	h := header{
		length: int64(len(b)),
		block:  int64(binary.LittleEndian.Uint32(b[20:])),
		sum:    binary.LittleEndian.Uint32(b[len(body):]),
		meta: Meta{
			ID:      binary.LittleEndian.Uint64(b[24:]),
			Cluster: wire.ClusterID(binary.LittleEndian.Uint64(b[32:])),
			Pos: wire.Pos{
				Term:  wire.Term(binary.LittleEndian.Uint64(b[40:])),
				Index: wire.Index(binary.LittleEndian.Uint64(b[48:])),
			},
			Time: int64(binary.LittleEndian.Uint64(b[56:])),
		},
	}
	if h.sum != checksum(body) {
		return h, fmt.Errorf("%w: its checksum does not match", errHeader)
	}
	if h.block < 1 || h.block > maxBlock {
		return h, fmt.Errorf("%w: blocks of %d bytes, %d is the most", errHeader, h.block, maxBlock)
	}
	if members := body[fixedSize:]; len(members) > 0 {
		var err error
		if h.meta.Membership, err = wire.DecodeMembership(members); err != nil {
			return h, fmt.Errorf("%w: %w", errHeader, err)
		}
	}
	return h, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, wire.Castagnoli) }
