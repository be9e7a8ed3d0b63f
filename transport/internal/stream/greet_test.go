package stream

import (
	"bufio"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/balsaraft/balsa/wire"
)

// hangsUp is the connection to somebody who hangs up before the hello has come, with these
// last words.
type hangsUp struct {
	Conn
	words error
}

func (hangsUp) Write([][]byte) error { return io.ErrClosedPipe }
func (c hangsUp) In() *bufio.Reader  { return bufio.NewReader(iotest.ErrReader(c.words)) }

// plain is a carrier whose errors say what they mean.
type plain struct{ Carrier }

func (plain) Gone(err error) bool     { return errors.Is(err, errGone) }
func (plain) BrokeOff(err error) bool { return errors.Is(err, io.ErrClosedPipe) }
func (plain) Explain(err error) error { return err }

var errGone = errors.New("this member has been closed")

// Who answers before it has read anything, as a server does that does not know the call,
// is heard, though the hello could not be said any more.
func TestWhoHangsUpBeforeTheHelloIsHeard(t *testing.T) {
	refusal := &wire.HandshakeError{What: wire.DifferentManners, Dialled: true, Text: "this is a shop"}
	for name, c := range map[string]struct{ words, want error }{
		"a refusal":              {refusal, refusal},
		"a member that has gone": {errGone, errGone},
		"nothing":                {io.EOF, io.ErrClosedPipe},
	} {
		t.Run(name, func(t *testing.T) {
			h := &Hub{carrier: plain{}}
			if _, err := h.shakeHands(hangsUp{words: c.words}, wire.Hello{}, "shop:80"); !errors.Is(err, c.want) {
				t.Errorf("the handshake says %q, want %q", err, c.want)
			}
		})
	}
}
