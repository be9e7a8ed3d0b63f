package tcp_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// card is that of a member at an address that nobody dials.
func card(id wire.MemberID) wire.Card { return trial.Card(id, "127.0.0.1:1") }

// openAs is a transport of a member at a free port.
func openAs(t *testing.T, id wire.MemberID, o tcp.Options) *tcp.Transport {
	t.Helper()
	return trial.As(open(t, "127.0.0.1:0", o), id)
}

// raw is a connection whose bytes a test makes by hand.
type raw struct {
	*testing.T
	net.Conn
}

func dialRaw(t *testing.T, addr string) raw {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, trial.Eventually)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(trial.Eventually))
	return raw{t, conn}
}

func frame(kind wire.FrameKind, group wire.GroupID, payload []byte) []byte {
	b := make([]byte, wire.FrameHeaderSize)
	wire.PutFrameHeader(b, kind, group, payload)
	return append(b, payload...)
}

func (r raw) say(b []byte) {
	r.Helper()
	if _, err := r.Write(b); err != nil {
		r.Fatal(err)
	}
}

func (r raw) hear() (wire.FrameHeader, []byte) {
	r.Helper()
	head := make([]byte, wire.FrameHeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		r.Fatalf("read a frame: %v", err)
	}
	h, err := wire.ParseFrameHeader(head, wire.MaxFrame)
	if err != nil {
		r.Fatal(err)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		r.Fatal(err)
	}
	if err := wire.CheckFrame(head, payload); err != nil {
		r.Fatal(err)
	}
	return h, payload
}

// hearRefusal reads a refusal, and that the other end then hangs up.
func (r raw) hearRefusal() wire.Refusal {
	r.Helper()
	h, payload := r.hear()
	if h.Kind != wire.FrameRefuse {
		r.Fatalf("frame of kind %d instead of a refusal", h.Kind)
	}
	refusal, err := wire.DecodeRefusal(payload)
	if err != nil {
		r.Fatal(err)
	}
	r.hearEnd()
	return refusal
}

func (r raw) hearEnd() {
	r.Helper()
	_, err := r.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		r.Fatalf("the other end does not hang up: %v", err)
	}
}

// shakeHands dials as member 2 and is welcomed.
func shakeHands(t *testing.T, addr string, lane wire.Lane) raw {
	t.Helper()
	r := dialRaw(t, addr)
	r.say(frame(wire.FrameHello, 0, wire.NewHello(card(2), lane, 1).Append(nil)))
	if h, _ := r.hear(); h.Kind != wire.FrameWelcome {
		t.Fatalf("frame of kind %d instead of a welcome", h.Kind)
	}
	return r
}

// impostor listens by hand as member 2. It welcomes everyone, and hands each
// connection over.
type impostor struct {
	net.Listener
	conns chan raw
}

func impersonate(t *testing.T, welcomes bool) impostor {
	t.Helper()
	l, err := net.Listen("tcp", trial.Place())
	if err != nil {
		t.Fatal(err)
	}
	i := impostor{l, make(chan raw, 64)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(trial.Eventually))
			r := raw{t, conn}
			if welcomes {
				head := make([]byte, wire.FrameHeaderSize)
				io.ReadFull(conn, head)
				if h, err := wire.ParseFrameHeader(head, wire.MaxHandshake); err == nil {
					io.CopyN(io.Discard, conn, int64(h.Length))
				}
				conn.Write(frame(wire.FrameWelcome, 0, wire.HandshakeWelcome{Version: wire.Version, Card: card(2)}.Append(nil)))
			}
			i.conns <- r
		}
	}()
	return i
}

func (i impostor) peer() wire.Peer { return wire.Peer{ID: 2, Addr: i.Addr().String()} }
