package webrtc

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// Dialer opens a stream to whoever is at an address. An error that Is ErrGone says that
// nobody is there now; any other that it is not known.
type Dialer func(ctx context.Context, addr string) (io.ReadWriteCloser, error)

// ErrGone says that nobody is at an address: the member has left.
var ErrGone = errors.New("nobody of that name is here")

// Options are what a transport may be told. The zero Options are good.
type Options struct {
	// DialTimeout bounds opening a stream, HandshakeTimeout what follows until both ends
	// know each other. Default 10 s each: a browser under load takes its time.
	DialTimeout, HandshakeTimeout time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

// A browser has less memory to give than a server.
const (
	queueBytes     = 16 << 20
	inboxBytes     = 32 << 20
	maxConnections = 256
)

// Transport is one member's end. Its methods may be called from any goroutine; none but
// Close waits.
type Transport struct {
	addr string
	hub  *stream.Hub
}

// New makes the transport of the member at an address. What others dial comes in by
// Accept.
func New(addr string, dial Dialer, opts Options) (*Transport, error) {
	const patience = 10 * time.Second
	hub, err := stream.New(carrier{dial, cmp.Or(opts.DialTimeout, patience)}, stream.Options{
		QueueBytes: queueBytes, InboxBytes: inboxBytes, MaxConnections: maxConnections,
		HandshakeTimeout: cmp.Or(opts.HandshakeTimeout, patience), Logger: opts.Logger,
	})
	if err != nil {
		return nil, err
	}
	return &Transport{addr: addr, hub: hub}, nil
}

// Addr is the address of this member.
func (t *Transport) Addr() string { return t.addr }

// Wake is readable when Drain has something.
func (t *Transport) Wake() <-chan struct{} { return t.hub.Wake() }

// Drain appends what has arrived, in order for each stream.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival { return t.hub.Drain(into) }

// Introduce says who this member is. Before it nobody is dialled, and nobody who dials
// gets an answer.
func (t *Transport) Introduce(card wire.Card) { t.hub.Introduce(card) }

// Connect says which members to hold streams to; others are let go.
func (t *Transport) Connect(peers []wire.Peer) { t.hub.Connect(peers) }

// Traffic is what went to each member and came from it since Connect named it.
func (t *Transport) Traffic() []wire.Traffic { return t.hub.Traffic() }

// Send queues a message for a member, or with no ID for whoever is at the address. It is
// dropped if the queue is full, or if nobody can be reached there now.
func (t *Transport) Send(to wire.Peer, m *wire.Message) { t.hub.Send(to, m) }

// Here says that somebody has come to an address: who waits before dialling it again
// need not wait any longer.
func (t *Transport) Here(addr string) { t.hub.Here(addr) }

// Accept takes a stream that another member has dialled, and returns at once.
func (t *Transport) Accept(s io.ReadWriteCloser) {
	a := &accepted{newConn(s)}
	if !t.hub.Go(func() { t.hub.Serve(a) }) {
		s.Close()
	}
}

// Close ends all streams and goroutines before it returns.
func (t *Transport) Close() error {
	t.hub.Close()
	return nil
}

// carrier is what this transport adds to a stream.Hub.
type carrier struct {
	dial    Dialer
	timeout time.Duration
}

func (c carrier) Dial(ctx context.Context, addr string) (stream.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s, err := c.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return newConn(s), nil
}

// Left says whether a member has left.
func (carrier) Left(err error) bool { return errors.Is(err, ErrGone) }

func (carrier) Gone(err error) bool { return errors.Is(err, ErrGone) }

func (carrier) BrokeOff(err error) bool { return errors.Is(err, io.ErrClosedPipe) }

func (carrier) Explain(err error) error { return err }

// conn is a stream of which a hub has the use.
type conn struct {
	io.ReadWriteCloser
	in *bufio.Reader

	mu       sync.Mutex
	deadline *time.Timer // closes the stream; nil for none
}

const readBuffer = 64 << 10

func newConn(s io.ReadWriteCloser) *conn {
	return &conn{ReadWriteCloser: s, in: bufio.NewReaderSize(s, readBuffer)}
}

func (c *conn) In() *bufio.Reader { return c.in }

// Write puts small buffers together, so that few pieces leave: each costs a browser
// about as much as thousands of bytes.
func (c *conn) Write(buffers [][]byte) error {
	size := 0
	for _, b := range buffers {
		size += len(b)
	}
	all := make([]byte, 0, size)
	for _, b := range buffers {
		all = append(all, b...)
	}
	_, err := c.ReadWriteCloser.Write(all)
	return err
}

func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline != nil {
		c.deadline.Stop()
		c.deadline = nil
	}
	if !t.IsZero() {
		c.deadline = time.AfterFunc(time.Until(t), func() { c.ReadWriteCloser.Close() })
	}
	return nil
}

func (c *conn) Close() error {
	_ = c.SetDeadline(time.Time{})
	return c.ReadWriteCloser.Close()
}

// CheckCard finds nothing wrong: who is in a room knows its secret, and all who do are
// trusted alike.
func (c *conn) CheckCard(wire.Card) *wire.HandshakeError { return nil }

// accepted is a stream that another member dialled.
type accepted struct{ *conn }

func (a *accepted) Open(context.Context) error { return nil }
func (a *accepted) Farewell(words []byte)      { _ = a.Write([][]byte{words}) }
func (a *accepted) Remote() string             { return "room:" }
