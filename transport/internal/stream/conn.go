package stream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Carrier is a transport's own part: it makes connections, and knows what their errors
// mean. Any goroutine may use it.
type Carrier interface {
	// Dial opens a connection to an address, whose name is resolved anew each time, and
	// agrees on all that comes before the first frame.
	Dial(ctx context.Context, addr string) (Conn, error)
	// Gone says whether an error of Dial shows that nobody is there any more: that the
	// machine runs, and the process does not.
	Gone(err error) bool
	// Left says whether an error of Dial shows that whoever was there has left in order, as
	// windows do that are closed: no reason to worry people.
	Left(err error) bool
	// BrokeOff says whether an error of a connection is that the other end, or this one,
	// ended it.
	BrokeOff(err error) bool
	// Explain puts what went wrong in the middle of a handshake into words.
	Explain(err error) error
}

// Conn is a stream of bytes both ways. One goroutine reads and one writes at a time;
// Close may be called by any, more than once, and ends what the others wait for.
type Conn interface {
	// In is what comes, the same reader each time.
	In() *bufio.Reader
	// Write sends buffers one after the other. It may change the slice of them, and keeps
	// none of their bytes.
	Write(buffers [][]byte) error
	// SetDeadline bounds reading and writing, with the zero time no longer. A connection
	// that was late once need not be of use again.
	SetDeadline(t time.Time) error
	// CheckCard says whether what the other end has shown of itself, as a certificate, is
	// that of the member that it says it is.
	CheckCard(card wire.Card) *wire.HandshakeError
	Close() error
}

// Accepted is a connection that another process dialled.
type Accepted interface {
	Conn
	// Open agrees on all that comes before the first frame. An error that is a Stray is
	// about someone who is no member at all.
	Open(ctx context.Context) error
	// Farewell says something last, such that the other end hears it.
	Farewell(words []byte)
	// Remote is the address that it was dialled from, for people to read.
	Remote() string
}

// Stray is an error about someone who speaks something else than members do.
type Stray interface {
	error
	// Answer is what to say to it in its own language, nil for nothing.
	Answer() []byte
}

// ErrClosed says that this end is closed.
var ErrClosed = errors.New("the transport is closed")

// brokeOff says whether an error is that a connection was ended.
func (h *Hub) brokeOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrClosed) || h.carrier.BrokeOff(err)
}

// ofNetwork is net.Error, without package net, which browsers would have to carry.
type ofNetwork interface {
	error
	Timeout() bool
	Temporary() bool
}
