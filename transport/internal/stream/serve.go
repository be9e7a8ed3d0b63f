package stream

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// incoming is an accepted connection. One goroutine owns it.
type incoming struct {
	Accepted
	card wire.Card // who dialled, once it has said so
	lane wire.Lane
}

// introductionRest is how long an accepted connection for introductions may be idle.
const introductionRest = 30 * time.Second

// messageOverhead is what a message takes in the inbox beside its bytes.
const messageOverhead = 512

// Serve is the life of an accepted connection, which it closes before it returns.
func (h *Hub) Serve(conn Accepted) {
	if h.arrive(conn) {
		h.serve(conn)
	}
}

// GoServe is Serve in a goroutine. Connections arrive in the order of its calls, so that
// it is the oldest that gives way when there are too many.
func (h *Hub) GoServe(conn Accepted) {
	if h.arrive(conn) {
		go h.serve(conn)
	}
}

// arrive lets a connection in, or closes it.
func (h *Hub) arrive(conn Accepted) bool {
	if !h.enter() {
		conn.Close()
		return false
	}
	if !h.guests.arrived(conn) {
		conn.Close()
		h.running.Done()
		return false
	}
	return true
}

func (h *Hub) serve(conn Accepted) {
	defer h.running.Done()
	c := &incoming{Accepted: conn}
	defer func() { h.guests.left(conn, guest{c.card.ID, c.lane}) }()
	if err := h.welcome(c); err != nil {
		h.turnAway(c, err)
		return
	}
	h.seen(c.card.ID)
	if err := h.receive(c); err != nil {
		h.partWith(c, err)
	}
}

// welcome is the accepting half of the handshake. Until it ends there is a limit to
// everything: time, bytes, and how many are at it.
func (h *Hub) welcome(c *incoming) error {
	if err := c.SetDeadline(time.Now().Add(h.opts.HandshakeTimeout)); err != nil {
		return err
	}
	if err := c.Open(h.ctx); err != nil {
		return err
	}
	f, payload, err := readFrame(c.In(), wire.MaxHandshake)
	switch {
	case errors.Is(err, wire.ErrFrameVersion):
		return &wire.HandshakeError{What: wire.DifferentVersion, Ours: fmt.Sprint(wire.Version), Theirs: fmt.Sprint(f.Version)}
	case err != nil:
		return err
	case f.Kind != wire.FrameHello:
		return fmt.Errorf("%w: frame of kind %d instead of a hello", wire.ErrHandshake, f.Kind)
	}
	hello, err := wire.DecodeHello(payload)
	if err != nil {
		return err
	}
	return h.answer(c, hello, f.Group)
}

func (h *Hub) answer(c *incoming, hello wire.Hello, group wire.GroupID) error {
	own := h.own()
	if own.ID == 0 {
		return errNotIntroduced
	}
	welcome, bad := hello.Answer(own, h.opts.Group, group)
	if bad == nil {
		bad = c.CheckCard(hello.Card)
	}
	c.card, c.lane = hello.Card, hello.Lane
	if bad != nil {
		return bad
	}
	if !h.guests.settled(c.Accepted, guest{c.card.ID, c.lane}) {
		return errTooMany
	}
	if err := c.Write([][]byte{appendFrame(nil, wire.FrameWelcome, h.opts.Group, welcome.Append(nil))}); err != nil {
		return err
	}
	if c.lane == wire.LaneMessages {
		h.inbox.tell(wire.Arrival{Kind: wire.ArrivedGuest, Card: c.card})
	}
	return c.SetDeadline(time.Time{})
}

var errTooMany = errors.New("too many connections; raise Options.MaxConnections if these are all members")

// receive reads messages into the inbox until the connection ends.
func (h *Hub) receive(c *incoming) error {
	for {
		if c.lane == wire.LaneIntroduction {
			if err := c.SetDeadline(time.Now().Add(introductionRest)); err != nil {
				return err
			}
		}
		f, payload, err := readFrame(c.In(), h.opts.MaxMessage)
		switch {
		case err != nil:
			return err
		case f.Kind != wire.FrameMessage:
			return fmt.Errorf("%w: frame of kind %d among messages", wire.ErrFrame, f.Kind)
		case f.Group != h.opts.Group:
			return fmt.Errorf("%w: group %d, this connection is of group %d", wire.ErrFrame, f.Group, h.opts.Group)
		}
		h.traffic.of(c.card.ID).read(wire.FrameHeaderSize + len(payload))
		m, err := wire.DecodeMessage(payload)
		if err != nil {
			return err
		}
		if bad := wire.CheckManners(&m, c.card, c.lane); bad != nil {
			return bad
		}
		if !h.inbox.message(wire.Arrival{Kind: wire.ArrivedMessage, Card: c.card, Message: m}, len(payload)+messageOverhead, c.In().Buffered() > 0) {
			return ErrClosed
		}
	}
}

// turnAway ends a connection whose handshake failed, and tells both ends why.
func (h *Hub) turnAway(c *incoming, err error) {
	var refusal *wire.HandshakeError
	var stray Stray
	switch {
	case errors.As(err, &stray):
		h.complain("turned a connection away", c, err)
		c.Farewell(stray.Answer())
	case errors.As(err, &refusal):
		h.reportRefusal(c, refusal)
		c.refuse(h.opts.Group, refusal)
	case errors.Is(err, wire.ErrFrame), errors.Is(err, wire.ErrHandshake), errors.Is(err, wire.ErrCard), errors.Is(err, errTooMany):
		h.complain("turned a connection away", c, err)
		c.refuse(h.opts.Group, &wire.HandshakeError{What: wire.DifferentManners, Text: err.Error()})
	case errors.Is(err, io.EOF), errors.Is(err, errNotIntroduced), h.ctx.Err() != nil:
		// Someone looked whether the port is open; or this end is not ready.
	case h.guests.gaveWay(c.Accepted):
		h.complain("turned a connection away", c, errCrowd)
	default:
		h.complain("turned a connection away", c, err)
	}
}

var errCrowd = errors.New("too many connections that do not say who they are, and this was the oldest; raise Options.MaxPending if these are all members")

// reportRefusal tells the owner whom this end refused, or the log if that is not known.
// What may pass by itself is for who dialled to report, if it stays.
func (h *Hub) reportRefusal(c *incoming, refusal *wire.HandshakeError) {
	switch {
	case refusal.Early || refusal.Itself():
	case c.card.ID != 0:
		h.refused(c.card, refusal)
	default:
		h.complain("turned a connection away", c, refusal)
	}
}

// partWith ends a connection after the handshake. That the other end hung up is its
// link's to report; that it broke the rules is said to both.
func (h *Hub) partWith(c *incoming, err error) {
	var refusal *wire.HandshakeError
	var network ofNetwork
	switch {
	case errors.As(err, &refusal):
		h.refused(c.card, refusal)
		c.refuse(h.opts.Group, refusal)
	case h.brokeOff(err), errors.As(err, &network):
		h.opts.Logger.Debug("a connection ended", "peer", c.card.ID, "address", c.Remote(), "lane", c.lane, "error", err)
	default:
		h.complain("ended a connection", c, err)
		c.refuse(h.opts.Group, &wire.HandshakeError{What: wire.DifferentManners, Text: err.Error()})
	}
}

func (h *Hub) complain(what string, c *incoming, err error) {
	remote := c.Remote()
	trouble := fmt.Sprintf("%s %s %T", what, hostOf(remote), innermost(err))
	h.Complain(slog.LevelWarn, trouble, what, "address", remote, "peer", c.card.ID, "error", err)
}

// innermost is what an error is about. Its kind tells troubles of one host apart; its text
// may be as a stranger wants it.
func innermost(err error) error {
	for {
		under := errors.Unwrap(err)
		if under == nil {
			return err
		}
		err = under
	}
}

// hostOf leaves out the port, which is another one for each connection.
func hostOf(remote string) string {
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		return remote[:i]
	}
	return remote
}

func (c *incoming) refuse(group wire.GroupID, why *wire.HandshakeError) {
	r := why.Refusal()
	r.Text = r.Text[:min(len(r.Text), wire.MaxHandshake/2)]
	c.Farewell(appendFrame(nil, wire.FrameRefuse, group, r.Append(nil)))
}
