package tcp_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// message is an encoded message of member 2 with a number.
func message(id uint64) []byte {
	return (&wire.Message{Kind: wire.ReadIndex, From: 2, To: 1, ID: id}).Append(nil)
}

// TestAMalformedFrameEndsItsConnection lets a good message come first, so that it is
// the frame after it that is refused, and another connection afterwards.
func TestAMalformedFrameEndsItsConnection(t *testing.T) {
	good := frame(wire.FrameMessage, 0, message(2))
	changed := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	stranger := &wire.Message{Kind: wire.ReadIndex, From: 3, To: 1}
	for name, c := range map[string]struct {
		bytes []byte
		cut   bool   // the sender then hangs up
		says  string // the refusal, and the log
	}{
		"cut off in its header":  {good[:10], true, "cut off after 10 bytes of its header"},
		"cut off in its payload": {good[:40], true, "cut off after 16 of"},
		"oversized":              {frame(wire.FrameMessage, 0, make([]byte, 1<<20+1)), false, "too large: 1048577 bytes, the limit is 1048576"},
		"damaged payload":        {changed(30, 0xff), false, "checksum differs"},
		"damaged group":          {changed(16, 1), false, "checksum differs"},
		"damaged magic":          {changed(0, 'X'), false, "not this protocol"},
		"unknown version":        {changed(4, 2), false, "unknown version: 2, this program speaks 1"},
		"unknown kind":           {changed(5, 77), false, "kind 77 is unknown"},
		"a hello":                {frame(wire.FrameHello, 0, nil), false, "frame of kind 1 among messages"},
		"another group":          {frame(wire.FrameMessage, 5, message(2)), false, "group 5, this connection is of group 0"},
		"no message":             {frame(wire.FrameMessage, 0, nil), false, "malformed message"},
		"a newer message":        {frame(wire.FrameMessage, 0, append([]byte{200}, message(2)[1:]...)), false, "kind 200 is unknown here; is the sender a newer version?"},
		"another's message":      {frame(wire.FrameMessage, 0, stranger.Append(nil)), false, "a read-index from member 3 on a connection of member 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var l trial.Log
			a := openAs(t, 1, tcp.Options{MaxMessage: 1 << 20, Logger: l.Logger()})
			r := shakeHands(t, a.Addr(), wire.LaneMessages)
			r.say(frame(wire.FrameMessage, 0, message(1)))
			r.say(c.bytes)
			if c.cut {
				r.Conn.(*net.TCPConn).CloseWrite()
			}
			if refusal := r.hearRefusal(); refusal.What != wire.DifferentManners || !strings.Contains(refusal.Text, c.says) {
				t.Errorf("the sender hears %+v", refusal)
			}
			var arrived []uint64
			var refusal *wire.HandshakeError
			trial.Await(t, a, "the good message, and word of a bad one", func(x wire.Arrival) bool {
				if x.Kind == wire.ArrivedMessage {
					arrived = append(arrived, x.Message.ID)
				}
				return len(arrived) > 0 && (name != "another's message" || errors.As(x.Err, &refusal))
			})
			if len(arrived) != 1 || arrived[0] != 1 {
				t.Errorf("messages %d arrived", arrived)
			}
			if refusal == nil {
				l.Await(t, c.says)
			} else if !strings.Contains(refusal.Error(), c.says) {
				t.Errorf("the owner hears %q", refusal)
			}
			r = shakeHands(t, a.Addr(), wire.LaneMessages)
			r.say(frame(wire.FrameMessage, 0, message(3)))
			trial.Await(t, a, "a message afterwards", func(x wire.Arrival) bool { return x.Kind == wire.ArrivedMessage && x.Message.ID == 3 })
		})
	}
}

func TestOnlyIntroductionsComeOnTheirLane(t *testing.T) {
	a := openAs(t, 1, tcp.Options{})
	r := shakeHands(t, a.Addr(), wire.LaneIntroduction)
	r.say(frame(wire.FrameMessage, 0, message(1)))
	if refusal := r.hearRefusal(); !strings.Contains(refusal.Text, "a read-index on a connection for introductions") {
		t.Errorf("the sender hears %+v", refusal)
	}
}

// TestWhoDialledHearsWhyItWasCutOff is the other half: the refusal reaches the
// dialler's owner.
func TestWhoDialledHearsWhyItWasCutOff(t *testing.T) {
	i := impersonate(t, true)
	a := openAs(t, 1, tcp.Options{})
	a.Connect([]wire.Peer{i.peer()})
	trial.Await(t, a, "the connection", trial.Of(wire.ArrivedUp))
	refusal := wire.Refusal{What: wire.DifferentManners, Text: "too loud"}
	(<-i.conns).say(frame(wire.FrameRefuse, 0, refusal.Append(nil)))
	if err := trial.AwaitRefusal(t, a, wire.DifferentManners); !strings.Contains(err.Error(), "too loud") {
		t.Errorf("the owner hears %q", err)
	}
}

func TestANewerConnectionEndsTheOlder(t *testing.T) {
	a := openAs(t, 1, tcp.Options{})
	older := shakeHands(t, a.Addr(), wire.LaneMessages)
	newer := shakeHands(t, a.Addr(), wire.LaneMessages)
	older.hearEnd()
	newer.say(frame(wire.FrameMessage, 0, message(1)))
	trial.Await(t, a, "a message on the newer", trial.Of(wire.ArrivedMessage))
}
