package room

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// RelayHeader is the size of what stands before a relayed frame's seal.
	RelayHeader = 13
	// StreamHeader is the size of what a sealed frame starts with.
	StreamHeader = 9
	// MaxPiece bounds the data of one frame, in bytes.
	MaxPiece = 16 << 10
	// MaxRelay bounds a relayed frame, in bytes; what is over the largest piece is
	// there for what later versions say.
	MaxRelay = 16448

	kindRelayed = 1
)

// ErrFrame is under every error about the form of a relayed frame.
var ErrFrame = errors.New("malformed relayed frame")

// AppendRelayHeader starts a binary message, which the sealed frame follows:
//
//	0  u8   1: relayed
//	1  u32  seat: to whom; on arrival: from whom
//	5  u64  counter
func AppendRelayHeader(dst []byte, seat Seat, counter uint64) []byte {
	dst = append(dst, kindRelayed)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(seat))
	return binary.LittleEndian.AppendUint64(dst, counter)
}

// CutRelay takes a binary message apart. sealed shares its memory. Any error is
// ErrFrame.
func CutRelay(b []byte) (seat Seat, counter uint64, sealed []byte, err error) {
	switch {
	case len(b) < RelayHeader+Overhead:
		return 0, 0, nil, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	case len(b) > MaxRelay:
		return 0, 0, nil, fmt.Errorf("%w: %d bytes, %d are allowed", ErrFrame, len(b), MaxRelay)
	case b[0] != kindRelayed:
		return 0, 0, nil, fmt.Errorf("%w: of kind %d", ErrFrame, b[0])
	}
	seat = Seat(binary.LittleEndian.Uint32(b[1:]))
	if seat == 0 {
		return 0, 0, nil, fmt.Errorf("%w: without a seat", ErrFrame)
	}
	return seat, binary.LittleEndian.Uint64(b[5:]), b[RelayHeader:], nil
}

// PutRelaySeat changes the seat of a binary message that CutRelay has taken.
func PutRelaySeat(b []byte, seat Seat) { binary.LittleEndian.PutUint32(b[1:], uint32(seat)) }

// PutRelayCounter fills in the counter of a binary message, which is known once it is
// sealed.
func PutRelayCounter(b []byte, counter uint64) { binary.LittleEndian.PutUint64(b[5:], counter) }
