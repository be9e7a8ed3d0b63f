package room

import (
	"encoding/binary"
	"fmt"
)

// What says what a frame does to its stream.
type What uint8

const (
	WhatOpen   What = 1
	WhatData   What = 2
	WhatCredit What = 3
	WhatEnd    What = 4
	WhatReset  What = 5
)

const (
	// Window is how many bytes of data may be under way in a direction of a stream
	// before the other side has given credit.
	Window = 256 << 10
	// MaxStreams bounds the streams between two connections.
	MaxStreams = 64
	// maxReason bounds the text of a reset, in bytes.
	maxReason = 256
)

// Frame is a piece of a stream, as it stands inside the seal.
type Frame struct {
	What   What
	Stream uint32
	Number uint32 // of the frame in its stream and direction, from 0
	Data   []byte // of data
	Credit uint32
	Reason string // of a reset, for people
}

// Append adds the encoded frame to b:
//
//	0  u8   what
//	1  u32  stream
//	5  u32  number
//	9  …    data, u32 credit or a text, by what it is
func (f Frame) Append(b []byte) []byte {
	b = append(b, byte(f.What))
	b = binary.LittleEndian.AppendUint32(b, f.Stream)
	b = binary.LittleEndian.AppendUint32(b, f.Number)
	switch f.What {
	case WhatData:
		return append(b, f.Data...)
	case WhatCredit:
		return binary.LittleEndian.AppendUint32(b, f.Credit)
	case WhatReset:
		return append(b, cut(f.Reason, maxReason)...)
	}
	return b
}

// DecodeFrame reads what Append wrote. Data shares b's memory. A frame of an unknown
// What comes back beside an error, so that its stream can be reset. Any error is
// ErrFrame.
func DecodeFrame(b []byte) (Frame, error) {
	if len(b) < StreamHeader {
		return Frame{}, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	}
	f := Frame{What: What(b[0]), Stream: binary.LittleEndian.Uint32(b[1:]), Number: binary.LittleEndian.Uint32(b[5:])}
	rest := b[StreamHeader:]
	switch {
	case f.What == WhatData && 0 < len(rest) && len(rest) <= MaxPiece:
		f.Data = rest
	case f.What == WhatCredit && len(rest) == 4:
		f.Credit = binary.LittleEndian.Uint32(rest)
	case f.What == WhatReset:
		f.Reason = cut(string(rest), maxReason)
	case (f.What == WhatOpen || f.What == WhatEnd) && len(rest) == 0:
	default:
		return f, fmt.Errorf("%w: what %d with %d bytes", ErrFrame, f.What, len(rest))
	}
	return f, nil
}
