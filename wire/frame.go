package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Version is the protocol that this program speaks. Two ends agree on one in their
// handshake; a frame that names another is refused.
const Version = 1

// FrameKind says what a frame's payload is.
type FrameKind uint8

const (
	// FrameHello is the first frame of who dialled, FrameWelcome the answer,
	// FrameRefuse the answer that ends the connection. Their payload belongs to
	// the transport.
	FrameHello   FrameKind = 1
	FrameWelcome FrameKind = 2
	FrameRefuse  FrameKind = 3
	// FrameMessage carries one Message.
	FrameMessage FrameKind = 4
)

// FrameHeaderSize is the number of bytes before a frame's payload.
const FrameHeaderSize = 24

// FrameMagic opens every frame, so that a stray protocol is noticed at its first
// bytes: "BAL\xa5".
const FrameMagic uint32 = 0xa54c4142

// MaxFrame bounds a frame's payload, in bytes.
const MaxFrame = 64 << 20

// FrameHeader is what stands before each payload on a connection:
//
//	 0  u32  magic "BAL\xa5"
//	 4  u8   version
//	 5  u8   kind
//	 6  u16  0, reserved
//	 8  u32  length of the payload
//	12  u32  CRC-32C of bytes 0 to 11, bytes 16 to 23, and the payload
//	16  u64  group: which log the payload belongs to
type FrameHeader struct {
	Version  uint8
	Kind     FrameKind
	Length   int
	Checksum uint32
	Group    GroupID
}

var (
	// ErrFrame is under every error about the form of a frame.
	ErrFrame = errors.New("malformed frame")
	// ErrNotBalsa says that what arrived is another protocol's.
	ErrNotBalsa = fmt.Errorf("%w: not this protocol", ErrFrame)
	// ErrFrameVersion says that the frame is of a version this program does not speak.
	ErrFrameVersion = fmt.Errorf("%w: unknown version", ErrFrame)
	// ErrFrameTooLarge says that a payload is over the limit.
	ErrFrameTooLarge = fmt.Errorf("%w: too large", ErrFrame)
	// ErrFrameChecksum says that bytes changed under way.
	ErrFrameChecksum = fmt.Errorf("%w: checksum differs", ErrFrame)
)

// Castagnoli is the polynomial of every checksum of Balsa (CRC-32C), which
// processors compute by themselves.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// PutFrameHeader fills the first FrameHeaderSize bytes of dst for a payload that is
// the concatenation of parts.
func PutFrameHeader(dst []byte, kind FrameKind, group GroupID, parts ...[]byte) {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	binary.LittleEndian.PutUint32(dst[0:], FrameMagic)
	dst[4], dst[5], dst[6], dst[7] = Version, byte(kind), 0, 0
	binary.LittleEndian.PutUint32(dst[8:], uint32(length))
	binary.LittleEndian.PutUint64(dst[16:], uint64(group))
	sum := headerChecksum(dst)
	for _, p := range parts {
		sum = crc32.Update(sum, Castagnoli, p)
	}
	binary.LittleEndian.PutUint32(dst[12:], sum)
}

func headerChecksum(header []byte) uint32 {
	sum := crc32.Update(0, Castagnoli, header[0:12])
	return crc32.Update(sum, Castagnoli, header[16:FrameHeaderSize])
}

// ParseFrameHeader reads the header from its FrameHeaderSize bytes and refuses a
// length over limit, before anyone allocates for it.
func ParseFrameHeader(b []byte, limit int) (FrameHeader, error) {
	if len(b) < FrameHeaderSize {
		return FrameHeader{}, fmt.Errorf("%w: %d bytes are less than its header", ErrFrame, len(b))
	}
	if magic := binary.LittleEndian.Uint32(b); magic != FrameMagic {
		return FrameHeader{}, fmt.Errorf("%w: it starts with %q", ErrNotBalsa, b[:4])
	}
	h := FrameHeader{
		Version:  b[4],
		Kind:     FrameKind(b[5]),
		Checksum: binary.LittleEndian.Uint32(b[12:]),
		Group:    GroupID(binary.LittleEndian.Uint64(b[16:])),
	}
	length := binary.LittleEndian.Uint32(b[8:])
	switch {
	case h.Version != Version:
		return h, fmt.Errorf("%w: %d, this program speaks %d", ErrFrameVersion, h.Version, Version)
	case h.Kind < FrameHello || h.Kind > FrameMessage:
		return h, fmt.Errorf("%w: kind %d is unknown", ErrFrame, h.Kind)
	case uint64(length) > uint64(min(limit, MaxFrame)):
		return h, fmt.Errorf("%w: %d bytes, the limit is %d", ErrFrameTooLarge, length, min(limit, MaxFrame))
	}
	h.Length = int(length)
	return h, nil
}

// CheckFrame compares the checksum that header, the raw header bytes, announces with
// that of the payload.
func CheckFrame(header, payload []byte) error {
	want := binary.LittleEndian.Uint32(header[12:])
	if got := crc32.Update(headerChecksum(header), Castagnoli, payload); got != want {
		return fmt.Errorf("%w: %08x announced, %08x found in %d bytes", ErrFrameChecksum, want, got, len(payload))
	}
	return nil
}
