package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/wire"
)

// way is a stream to another member: through the introducer, or a direct one.
type way interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// conn is a stream to or from a member, whose name the seal has shown.
type conn struct {
	way
	in     *bufio.Reader
	out    *bufio.Writer
	member string
	vet    func(wire.Card) error
}

func newConn(s way, member string, vet func(wire.Card) error) *conn {
	return &conn{way: s, in: bufio.NewReaderSize(s, room.MaxPiece), out: bufio.NewWriterSize(s, room.MaxPiece), member: member, vet: vet}
}

func (c *conn) In() *bufio.Reader { return c.in }

// Write sends small buffers together, so that there is a seal a frame and not a buffer.
func (c *conn) Write(parts [][]byte) error {
	for _, part := range parts {
		if _, err := c.out.Write(part); err != nil {
			return writeError(err)
		}
	}
	return writeError(c.out.Flush())
}

func writeError(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return io.EOF
	}
	return err
}

// CheckCard says whether the member that someone says it is lives where the stream comes
// from: who shares the secret is let in, but goes by its own name.
func (c *conn) CheckCard(card wire.Card) *wire.HandshakeError {
	const own = "a member of the room under its own name"
	if room.MemberAt(card.Addr) != c.member {
		return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: own, Theirs: card.Addr, Text: "the stream comes from " + c.Remote()}
	}
	if c.vet == nil {
		return nil
	}
	if err := c.vet(card); err != nil {
		return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: own, Theirs: card.Name, Text: err.Error()}
	}
	return nil
}

// Open has nothing to agree on: the seal has done that.
func (c *conn) Open(context.Context) error { return nil }

// Farewell says something last; the end that Close sends comes after it.
func (c *conn) Farewell(words []byte) { _ = c.Write([][]byte{words}) }

// Remote is the address for people to read.
func (c *conn) Remote() string { return room.Scheme + c.member }
