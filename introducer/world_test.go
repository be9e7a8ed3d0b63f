package introducer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

// world is an introducer on a network in memory, so that time is the test's. It lives in
// a bubble of package synctest.
type world struct {
	t    *testing.T
	s    *Service
	line chan net.Conn
	http *http.Client
}

// inWorld runs a test with an introducer. When it returns, nothing may be running.
func inWorld(t *testing.T, o Options, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o)
		test(t, w)
	})
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := New(o)
	must(t, err)
	w := &world{t: t, s: s, line: make(chan net.Conn)}
	end := make(chan struct{})
	server := &http.Server{Handler: s, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go server.Serve(&pipes{w.line, end})
	w.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case w.line <- there:
			return here, nil
		case <-end:
			return nil, net.ErrClosed
		}
	}}}
	t.Cleanup(func() {
		must(t, s.Close())
		close(end)
		must(t, server.Close())
		w.http.CloseIdleConnections()
	})
	return w
}

// pipes is a listener in memory.
type pipes struct {
	line chan net.Conn
	end  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.line:
		return c, nil
	case <-p.end:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000} }

// member is a client that says what it is told to.
type member struct {
	t    *testing.T
	conn *websocket.Conn
	seat room.Seat
}

// heard is what a member heard, or how its connection ended.
type heard struct {
	told   room.Told
	frame  []byte
	closed websocket.StatusCode
}

func (w *world) knock(header http.Header) (*member, *http.Response, error) {
	conn, answer, err := websocket.Dial(w.t.Context(), "ws://introducer:3000"+room.Path, &websocket.DialOptions{
		HTTPClient: w.http, HTTPHeader: header, Subprotocols: []string{room.Subprotocol},
	})
	if err != nil {
		return nil, answer, err
	}
	conn.SetReadLimit(1 << 20)
	w.t.Cleanup(func() { conn.CloseNow() })
	return &member{t: w.t, conn: conn}, answer, nil
}

// connect is a connection that has said nothing.
func (w *world) connect() *member {
	w.t.Helper()
	m, _, err := w.knock(nil)
	must(w.t, err)
	return m
}

const kitchen = room.ID("0123456789abcdef0123456789abcdef")

func helloOf(id room.ID, name string) room.Said {
	return room.Said{Type: room.TypeHello, Protocol: room.Protocol, Room: id, Member: name, Nonce: []byte("nonce of " + (name + "       ")[:7])}
}

// enter is a member that is in, with what it was told first.
func (w *world) enter(name string) (*member, room.Told) {
	w.t.Helper()
	return w.enterRoom(kitchen, name)
}

func (w *world) enterRoom(id room.ID, name string) (*member, room.Told) {
	w.t.Helper()
	m := w.connect()
	m.say(helloOf(id, name))
	welcome := m.told(room.TypeWelcome)
	m.seat = welcome.Seat
	return m, welcome
}

func (m *member) say(said room.Said) {
	m.t.Helper()
	b, err := json.Marshal(said)
	must(m.t, err)
	m.write(websocket.MessageText, b)
}

func (m *member) write(kind websocket.MessageType, b []byte) {
	m.t.Helper()
	must(m.t, m.conn.Write(m.t.Context(), kind, b))
}

func (m *member) signal(to room.Seat, counter uint64, sealed string) {
	m.t.Helper()
	m.say(room.Said{Type: room.TypeSignal, To: to, Counter: counter, Sealed: []byte(sealed)})
}

// frame is a relayed frame with something in it that nobody here could open.
func frame(to room.Seat, counter uint64, size int) []byte {
	b := room.AppendRelayHeader(nil, to, counter)
	return append(b, make([]byte, size)...)
}

// hear waits for the next message, or the end.
func (m *member) hear() heard {
	m.t.Helper()
	kind, b, err := m.conn.Read(m.t.Context())
	if err != nil {
		return heard{closed: websocket.CloseStatus(err)}
	}
	if kind == websocket.MessageBinary {
		return heard{frame: b}
	}
	told, err := room.DecodeTold(b)
	must(m.t, err)
	return heard{told: told}
}

func (m *member) told(kind string) room.Told {
	m.t.Helper()
	h := m.hear()
	if h.told.Type != kind {
		m.t.Fatalf("heard %+v instead of %s", h, kind)
	}
	return h.told
}

// parted expects that the member is told a code, and its connection closed with it.
func (m *member) parted(code room.Code) {
	m.t.Helper()
	told := m.told(room.TypeError)
	if told.Code != code || told.Message == "" {
		m.t.Fatalf("parted with because of %q (%s), not %s", told.Code, told.Message, code)
	}
	if h := m.hear(); int(h.closed) != code.CloseCode() || room.CodeOf(int(h.closed)) != code {
		m.t.Fatalf("after %s the connection was closed with %d, not %d", code, h.closed, code.CloseCode())
	}
}

// silent expects that nothing comes for a while. It must be the last: the connection is
// read for ever after.
func (m *member) silent() {
	m.t.Helper()
	came := make(chan heard, 1)
	go func() { came <- m.hear() }()
	select {
	case h := <-came:
		m.t.Fatalf("heard %+v, and should have heard nothing", h)
	case <-time.After(5 * time.Second):
	}
}

// keepsReading takes whatever comes, and answers pings, until the connection ends.
func (m *member) keepsReading() *sync.WaitGroup {
	var done sync.WaitGroup
	done.Go(func() {
		for {
			if _, _, err := m.conn.Read(context.Background()); err != nil {
				return
			}
		}
	})
	return &done
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(b)
}
