package tcp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// outgoing is a connection that this process dialled, after the handshake. One
// goroutine writes, one watches for its end.
type outgoing struct {
	net.Conn              // closes both
	plain    *net.TCPConn // nil under TLS
	secure   *bufio.Writer
	in       *bufio.Reader
	card     wire.Card // of who answered
}

// silence is how long nothing may be acknowledged on a connection.
const silence = 5 * time.Second

// keepAlive finds dead machines on connections that are idle.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}

var (
	errNoAddress     = errors.New("no address of it is known")
	errNotIntroduced = errors.New("this process has not been introduced yet")
)

// dial connects to a peer, whose address is resolved anew each time, and shakes hands.
func (t *Transport) dial(ctx context.Context, peer wire.Peer, lane wire.Lane) (*outgoing, error) {
	own := t.own()
	switch {
	case own.ID == 0:
		return nil, errNotIntroduced
	case peer.Addr == "":
		return nil, errNoAddress
	}
	dialer := net.Dialer{Timeout: t.opts.DialTimeout, KeepAliveConfig: keepAlive}
	conn, err := dialer.DialContext(ctx, "tcp", peer.Addr)
	if err != nil {
		return nil, dialError(err)
	}
	defer closeAtEnd(ctx, conn)()
	tcp := conn.(*net.TCPConn)
	giveUp(tcp, silence)
	if err := tcp.SetDeadline(time.Now().Add(t.opts.HandshakeTimeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &outgoing{Conn: tcp, plain: tcp}
	if err := t.shakeHands(ctx, c, wire.NewHello(own, lane, peer.ID), peer.Addr); err != nil {
		conn.Close()
		return nil, err
	}
	return c, tcp.SetDeadline(time.Time{})
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

func dialError(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("nothing resolves %q: %w", dns.Name, err)
	}
	return err
}

// shakeHands is the dialler's half of the handshake.
func (t *Transport) shakeHands(ctx context.Context, c *outgoing, hello wire.Hello, addr string) error {
	if t.opts.TLS != nil {
		if err := t.secureDialled(ctx, c, addr); err != nil {
			return err
		}
	}
	c.in = bufio.NewReader(c.Conn)
	if _, err := c.Conn.Write(appendFrame(nil, wire.FrameHello, t.opts.Group, hello.Append(nil))); err != nil {
		return fmt.Errorf("say hello to %s: %w", addr, t.unsecured(err))
	}
	welcome, group, err := c.readWelcome()
	if err != nil {
		return fmt.Errorf("hear from %s after the hello: %w", addr, t.unsecured(err))
	}
	if bad := welcome.Check(hello, t.opts.Group, group); bad != nil {
		return bad
	}
	c.card = welcome.Card
	return nil
}

// readWelcome reads the answer to a hello.
func (c *outgoing) readWelcome() (wire.HandshakeWelcome, wire.GroupID, error) {
	h, payload, err := readFrame(c.in, wire.MaxHandshake)
	switch {
	case errors.Is(err, wire.ErrFrameVersion):
		return wire.HandshakeWelcome{}, 0, &wire.HandshakeError{What: wire.DifferentVersion, Dialled: true,
			Ours: fmt.Sprint(wire.Version), Theirs: fmt.Sprint(h.Version)}
	case errors.Is(err, wire.ErrNotBalsa):
		return wire.HandshakeWelcome{}, 0, &wire.HandshakeError{What: wire.DifferentManners, Dialled: true,
			Text: "what answers there is no member: " + err.Error()}
	case err != nil:
		return wire.HandshakeWelcome{}, 0, err
	case h.Kind == wire.FrameRefuse:
		return wire.HandshakeWelcome{}, 0, refusalIn(payload)
	case h.Kind != wire.FrameWelcome:
		return wire.HandshakeWelcome{}, 0, fmt.Errorf("%w: frame of kind %d instead of a welcome", wire.ErrHandshake, h.Kind)
	}
	w, err := wire.DecodeHandshakeWelcome(payload)
	return w, h.Group, err
}

func refusalIn(payload []byte) error {
	r, err := wire.DecodeRefusal(payload)
	if err != nil {
		return err
	}
	return r.HandshakeError()
}

// write sends a burst: over TCP with one system call, from the buffers as they lie.
func (c *outgoing) write(b *burst) error {
	if c.plain != nil {
		buffers := net.Buffers(b.buffers)
		_, err := buffers.WriteTo(c.plain)
		return err
	}
	for _, part := range b.buffers {
		if _, err := c.secure.Write(part); err != nil {
			return err
		}
	}
	return c.secure.Flush()
}

// watch waits for the connection's end, and closes it, so that a writer does not wait
// for it. Nothing comes this way but a refusal that explains the end.
func (c *outgoing) watch() error {
	defer c.Close()
	h, payload, err := readFrame(c.in, wire.MaxHandshake)
	switch {
	case err != nil:
		return err
	case h.Kind == wire.FrameRefuse:
		return refusalIn(payload)
	}
	return fmt.Errorf("%w: frame of kind %d on a connection that carries nothing this way", wire.ErrHandshake, h.Kind)
}

// hungUp turns the end of a stream in the middle of a handshake into words.
func hungUp(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the other end hung up: %w", err)
	}
	return err
}
