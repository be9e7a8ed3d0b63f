package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// eventually is how long a condition may take; nothing that works takes as long.
const eventually = 20 * time.Second

const cluster wire.ClusterID = 0xc1

func card(id wire.MemberID) wire.Card {
	return wire.Card{Cluster: cluster, ID: id, Incarnation: 1, Name: "m" + id.String(), Addr: "127.0.0.1:1"}
}

// log is where a transport under test logs to.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// awaitLog waits until the log says something.
func (l *log) await(t *testing.T, words string) {
	t.Helper()
	for end := time.Now().Add(eventually); !strings.Contains(l.String(), words); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log never says %q:\n%s", words, l)
		}
	}
}

// openAs is a transport of member 1 at a free port.
func openAs(t *testing.T, id wire.MemberID, o tcp.Options) *tcp.Transport {
	t.Helper()
	transport := open(t, "127.0.0.1:0", o)
	c := card(id)
	c.Addr = transport.Addr()
	transport.Introduce(c)
	return transport
}

// await waits for an arrival; those before it are dropped.
func await(t *testing.T, at *tcp.Transport, what string, is func(wire.Arrival) bool) wire.Arrival {
	t.Helper()
	end := time.After(eventually)
	for {
		for _, a := range at.Drain(nil) {
			if is(a) {
				return a
			}
		}
		select {
		case <-at.Wake():
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func kind(k wire.ArrivalKind) func(wire.Arrival) bool {
	return func(a wire.Arrival) bool { return a.Kind == k }
}

func awaitRefusal(t *testing.T, at *tcp.Transport, what wire.Difference) *wire.HandshakeError {
	t.Helper()
	var err *wire.HandshakeError
	await(t, at, "a refusal for the "+what.String(), func(a wire.Arrival) bool {
		return a.Kind == wire.ArrivedRefusal && errors.As(a.Err, &err) && err.What == what
	})
	return err
}

// raw is a connection whose bytes a test makes by hand.
type raw struct {
	*testing.T
	net.Conn
}

func dialRaw(t *testing.T, addr string) raw {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, eventually)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(eventually))
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
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
			conn.SetDeadline(time.Now().Add(eventually))
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
