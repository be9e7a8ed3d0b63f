package stream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// outgoing is a connection that this process dialled, after the handshake. One
// goroutine writes, one watches for its end.
type outgoing struct {
	Conn
	card wire.Card // of who answered
}

var (
	errNoAddress     = errors.New("no address of it is known")
	errNotIntroduced = errors.New("this process has not been introduced yet")
)

// dial connects to a peer and shakes hands.
func (h *Hub) dial(ctx context.Context, peer wire.Peer, lane wire.Lane) (*outgoing, error) {
	own := h.own()
	switch {
	case own.ID == 0:
		return nil, errNotIntroduced
	case peer.Addr == "":
		return nil, errNoAddress
	}
	conn, err := h.carrier.Dial(ctx, peer.Addr)
	if err != nil {
		return nil, err
	}
	defer closeAtEnd(ctx, conn)()
	if err := conn.SetDeadline(time.Now().Add(h.opts.HandshakeTimeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	card, err := h.shakeHands(conn, wire.NewHello(own, lane, peer.ID), peer.Addr)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &outgoing{conn, card}, conn.SetDeadline(time.Time{})
}

// closeAtEnd closes a connection when ctx ends, so that nobody waits on it any more.
// The function it returns takes that back, or waits until it is done, so that no
// goroutine outlives its link.
func closeAtEnd(ctx context.Context, conn io.Closer) (release func()) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { conn.Close(); close(closed) })
	return func() {
		if !stop() {
			<-closed
		}
	}
}

// shakeHands is the dialler's half of the handshake. It returns who answered.
func (h *Hub) shakeHands(c Conn, hello wire.Hello, addr string) (wire.Card, error) {
	if err := c.Write([][]byte{appendFrame(nil, wire.FrameHello, h.opts.Group, hello.Append(nil))}); err != nil {
		return wire.Card{}, fmt.Errorf("say hello to %s: %w", addr, h.hungUp(h.reason(c, err)))
	}
	welcome, group, err := readWelcome(c.In())
	if err != nil {
		return wire.Card{}, fmt.Errorf("hear from %s after the hello: %w", addr, h.hungUp(err))
	}
	if bad := welcome.Check(hello, h.opts.Group, group); bad != nil {
		return wire.Card{}, bad
	}
	if bad := c.CheckCard(welcome.Card); bad != nil {
		bad.Dialled = true
		return wire.Card{}, bad
	}
	return welcome.Card, nil
}

// reason is what the other end has said of why it hung up before it had read the hello, or
// else the error that this end had then.
func (h *Hub) reason(c Conn, err error) error {
	if !h.carrier.BrokeOff(err) {
		return err
	}
	_, _, said := readWelcome(c.In())
	if refusal := (*wire.HandshakeError)(nil); errors.As(said, &refusal) || h.carrier.Gone(said) {
		return said
	}
	return err
}

// readWelcome reads the answer to a hello.
func readWelcome(in *bufio.Reader) (wire.HandshakeWelcome, wire.GroupID, error) {
	f, payload, err := readFrame(in, wire.MaxHandshake)
	switch {
	case errors.Is(err, wire.ErrFrameVersion):
		return wire.HandshakeWelcome{}, 0, &wire.HandshakeError{What: wire.DifferentVersion, Dialled: true,
			Ours: fmt.Sprint(wire.Version), Theirs: fmt.Sprint(f.Version)}
	case errors.Is(err, wire.ErrNotBalsa):
		return wire.HandshakeWelcome{}, 0, &wire.HandshakeError{What: wire.DifferentManners, Dialled: true,
			Text: "what answers there is no member: " + err.Error()}
	case err != nil:
		return wire.HandshakeWelcome{}, 0, err
	case f.Kind == wire.FrameRefuse:
		return wire.HandshakeWelcome{}, 0, refusalIn(payload)
	case f.Kind != wire.FrameWelcome:
		return wire.HandshakeWelcome{}, 0, fmt.Errorf("%w: frame of kind %d instead of a welcome", wire.ErrHandshake, f.Kind)
	}
	w, err := wire.DecodeHandshakeWelcome(payload)
	return w, f.Group, err
}

func refusalIn(payload []byte) error {
	r, err := wire.DecodeRefusal(payload)
	if err != nil {
		return err
	}
	return r.HandshakeError()
}

// watch waits for the connection's end, and closes it, so that a writer does not wait
// for it. Nothing comes this way but a refusal that explains the end.
func (c *outgoing) watch() error {
	defer c.Close()
	f, payload, err := readFrame(c.In(), wire.MaxHandshake)
	switch {
	case err != nil:
		return err
	case f.Kind == wire.FrameRefuse:
		return refusalIn(payload)
	}
	return fmt.Errorf("%w: frame of kind %d on a connection that carries nothing this way", wire.ErrHandshake, f.Kind)
}

// hungUp puts what went wrong in the middle of a handshake into words.
func (h *Hub) hungUp(err error) error {
	var refusal *wire.HandshakeError
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the other end hung up: %w", err)
	}
	return h.carrier.Explain(err)
}
