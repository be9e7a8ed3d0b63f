package tcp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// incoming is an accepted connection. One goroutine owns it.
type incoming struct {
	raw  *net.TCPConn
	conn net.Conn // raw, or TLS on it
	in   *bufio.Reader
	card wire.Card // who dialled, once it has said so
	lane wire.Lane
}

// introductionRest is how long an accepted connection for introductions may be idle.
const introductionRest = 30 * time.Second

// messageOverhead is what a message takes in the inbox beside its bytes.
const messageOverhead = 512

// accept takes connections until the transport is closed.
func (t *Transport) accept() {
	defer t.running.Done()
	pause := time.Duration(0)
	for {
		conn, err := t.listener.AcceptTCP()
		switch {
		case err == nil && t.guests.arrived(conn):
			pause = 0
			t.running.Go(func() { t.serve(conn) })
		case err == nil:
			conn.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			// Out of file descriptors, as a rule; others may go.
			if held, tell := t.quiet.ask("accept"); tell {
				t.opts.Logger.Error("cannot accept connections, and goes on trying", "address", t.Addr(), "error", err, "repeated", held)
			}
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			select {
			case <-time.After(pause):
			case <-t.ctx.Done():
			}
		}
	}
}

// serve is a connection's life.
func (t *Transport) serve(conn *net.TCPConn) {
	c := &incoming{raw: conn, conn: conn}
	defer func() { t.guests.left(conn, guest{c.card.ID, c.lane}) }()
	if err := t.welcome(c); err != nil {
		t.turnAway(c, err)
		return
	}
	t.seen(c.card.ID)
	if err := t.receive(c); err != nil {
		t.partWith(c, err)
	}
}

// welcome is the accepting half of the handshake. Until it ends there is a limit to
// everything: time, bytes, and how many are at it.
func (t *Transport) welcome(c *incoming) error {
	giveUp(c.raw, silence)
	if err := c.raw.SetDeadline(time.Now().Add(t.opts.HandshakeTimeout)); err != nil {
		return err
	}
	if err := t.openStream(c); err != nil {
		return err
	}
	h, payload, err := readFrame(c.in, wire.MaxHandshake)
	switch {
	case errors.Is(err, wire.ErrFrameVersion):
		return &wire.HandshakeError{What: wire.DifferentVersion, Ours: fmt.Sprint(wire.Version), Theirs: fmt.Sprint(h.Version)}
	case err != nil:
		return err
	case h.Kind != wire.FrameHello:
		return fmt.Errorf("%w: frame of kind %d instead of a hello", wire.ErrHandshake, h.Kind)
	}
	hello, err := wire.DecodeHello(payload)
	if err != nil {
		return err
	}
	return t.answer(c, hello, h.Group)
}

func (t *Transport) answer(c *incoming, hello wire.Hello, group wire.GroupID) error {
	own := t.own()
	if own.ID == 0 {
		return errNotIntroduced
	}
	welcome, bad := hello.Answer(own, t.opts.Group, group)
	if bad == nil {
		bad = t.checkCertificate(c.conn, hello.Card)
	}
	c.card, c.lane = hello.Card, hello.Lane
	if bad != nil {
		return bad
	}
	if !t.guests.settled(c.raw, guest{c.card.ID, c.lane}) {
		return errTooMany
	}
	if _, err := c.conn.Write(appendFrame(nil, wire.FrameWelcome, t.opts.Group, welcome.Append(nil))); err != nil {
		return err
	}
	return c.raw.SetDeadline(time.Time{})
}

var errTooMany = errors.New("too many connections; raise Options.MaxConnections if these are all members")

// receive reads messages into the inbox until the connection ends.
func (t *Transport) receive(c *incoming) error {
	for {
		if c.lane == wire.LaneIntroduction {
			if err := c.raw.SetReadDeadline(time.Now().Add(introductionRest)); err != nil {
				return err
			}
		}
		h, payload, err := readFrame(c.in, t.opts.MaxMessage)
		switch {
		case err != nil:
			return err
		case h.Kind != wire.FrameMessage:
			return fmt.Errorf("%w: frame of kind %d among messages", wire.ErrFrame, h.Kind)
		case h.Group != t.opts.Group:
			return fmt.Errorf("%w: group %d, this connection is of group %d", wire.ErrFrame, h.Group, t.opts.Group)
		}
		m, err := wire.DecodeMessage(payload)
		if err != nil {
			return err
		}
		if bad := wire.CheckManners(&m, c.card, c.lane); bad != nil {
			return bad
		}
		if !t.inbox.message(wire.Arrival{Kind: wire.ArrivedMessage, Card: c.card, Message: m}, len(payload)+messageOverhead) {
			return net.ErrClosed
		}
	}
}

// turnAway ends a connection whose handshake failed, and tells both ends why.
func (t *Transport) turnAway(c *incoming, err error) {
	var refusal *wire.HandshakeError
	var stray *strayError
	switch {
	case errors.As(err, &stray):
		t.complain("turned a connection away", c, err)
		c.farewell(stray.answer)
	case errors.As(err, &refusal):
		t.reportRefusal(c, refusal)
		c.refuse(t.opts.Group, refusal)
	case errors.Is(err, wire.ErrFrame), errors.Is(err, wire.ErrHandshake), errors.Is(err, wire.ErrCard), errors.Is(err, errTooMany):
		t.complain("turned a connection away", c, err)
		c.refuse(t.opts.Group, &wire.HandshakeError{What: wire.DifferentManners, Text: err.Error()})
	case errors.Is(err, io.EOF), errors.Is(err, errNotIntroduced), t.ctx.Err() != nil:
		// Someone looked whether the port is open; or this end is not ready.
	default:
		t.complain("turned a connection away", c, err)
	}
}

// reportRefusal tells the owner whom this end refused, or the log if that is not known.
// What may pass by itself is for who dialled to report, if it stays.
func (t *Transport) reportRefusal(c *incoming, refusal *wire.HandshakeError) {
	switch {
	case refusal.Early || refusal.Itself():
	case c.card.ID != 0:
		t.refused(c.card, refusal)
	default:
		t.complain("turned a connection away", c, refusal)
	}
}

// partWith ends a connection after the handshake. That the other end hung up is its
// link's to report; that it broke the rules is said to both.
func (t *Transport) partWith(c *incoming, err error) {
	var refusal *wire.HandshakeError
	var timeout net.Error
	switch {
	case errors.As(err, &refusal):
		t.refused(c.card, refusal)
		c.refuse(t.opts.Group, refusal)
	case brokeOff(err), errors.As(err, &timeout):
		t.opts.Logger.Debug("a connection ended", "peer", c.card.ID, "address", c.raw.RemoteAddr().String(), "lane", c.lane, "reason", err)
	default:
		t.complain("ended a connection", c, err)
		c.refuse(t.opts.Group, &wire.HandshakeError{What: wire.DifferentManners, Text: err.Error()})
	}
}

func (t *Transport) complain(what string, c *incoming, err error) {
	remote := c.raw.RemoteAddr().String()
	if held, tell := t.quiet.ask(what + " " + hostOf(remote)); tell {
		t.opts.Logger.Warn(what, "address", remote, "peer", c.card.ID, "error", err, "repeated", held)
	}
}

func (c *incoming) refuse(group wire.GroupID, why *wire.HandshakeError) {
	r := why.Refusal()
	r.Text = r.Text[:min(len(r.Text), wire.MaxHandshake/2)]
	c.farewell(appendFrame(nil, wire.FrameRefuse, group, r.Append(nil)))
}

const (
	farewellTime  = 500 * time.Millisecond
	farewellBytes = 256 << 10
)

// farewell says something last. A socket that is closed while bytes wait to be read
// is reset, and the other end may lose what was said: so the rest is read first, for a
// moment.
func (c *incoming) farewell(words []byte) {
	_ = c.raw.SetDeadline(time.Now().Add(farewellTime))
	if _, err := c.conn.Write(words); err != nil {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, c.raw, farewellBytes)
}
