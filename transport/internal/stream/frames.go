package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/internal/unzeroed"
	"github.com/balsaraft/balsa/wire"
)

// readFrame reads one frame whole and checks it. The payload is memory of its own.
// io.EOF says that the stream ended between frames.
func readFrame(r *bufio.Reader, limit int) (wire.FrameHeader, []byte, error) {
	var head [wire.FrameHeaderSize]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return wire.FrameHeader{}, nil, fmt.Errorf("%w: cut off after %d bytes of its header", wire.ErrFrame, n)
		}
		return wire.FrameHeader{}, nil, err
	}
	h, err := wire.ParseFrameHeader(head[:], limit)
	if err != nil {
		return h, nil, err
	}
	payload := unzeroed.Bytes(int(h.Length))
	if n, err := io.ReadFull(r, payload); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return h, nil, fmt.Errorf("%w: cut off after %d of %d bytes", wire.ErrFrame, n, h.Length)
		}
		return h, nil, err
	}
	return h, payload, wire.CheckFrame(head[:], payload)
}

// appendFrame adds a whole frame to b.
func appendFrame(b []byte, kind wire.FrameKind, group wire.GroupID, payload []byte) []byte {
	var head [wire.FrameHeaderSize]byte
	wire.PutFrameHeader(head[:], kind, group, payload)
	return append(append(b, head[:]...), payload...)
}
