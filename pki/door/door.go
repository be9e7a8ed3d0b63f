package door

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Config is what a Door is made of. It needs TLS.
type Config struct {
	// TLS is for the connections; pki.Keeper.Config makes one.
	TLS *tls.Config
	// Standing says why a connection that was handed out would be refused now, and nil for
	// one that would not; pki.Keeper.Standing does. Such a connection is ended, within
	// ReviewEvery. Without it connections stand until an end closes them.
	Standing func(tls.ConnectionState) error
	// ReviewEvery is how often Standing is asked. Default 5 seconds.
	ReviewEvery time.Duration
	// Timeout is how long a handshake may take. Default 5 seconds.
	Timeout time.Duration
	// MaxHandshakes is how many connections may be at it at a time. Default 128.
	MaxHandshakes int
	// Plain is said to whoever speaks without TLS.
	Plain []byte
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

// Door is a net.Listener whose connections are all *tls.Conn, after the handshake. Any
// goroutine may use it.
type Door struct {
	net.Listener
	cfg    Config
	told   told
	ready  chan net.Conn
	failed chan error // a failure to accept

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	pending []pending            // at their handshakes, the oldest first
	shown   map[*guest]*tls.Conn // handed out to who showed a certificate
	guests  sync.WaitGroup
}

// pending is a connection at its handshake.
type pending struct {
	conn net.Conn
	end  context.CancelCauseFunc
}

// errCrowd says why a handshake was broken off.
var errCrowd = errors.New("too many connections are at their handshakes, and this was the oldest; raise MaxHandshakes if these are all callers")

// New makes a door of a listener, which Close closes.
func New(l net.Listener, cfg Config) *Door {
	cfg.Timeout = cmp.Or(cfg.Timeout, 5*time.Second)
	cfg.ReviewEvery = cmp.Or(cfg.ReviewEvery, 5*time.Second)
	cfg.MaxHandshakes = cmp.Or(cfg.MaxHandshakes, 128)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	d := &Door{Listener: l, cfg: cfg, ready: make(chan net.Conn), failed: make(chan error), shown: map[*guest]*tls.Conn{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.guests.Add(1)
	go d.run()
	if cfg.Standing != nil {
		d.guests.Add(1)
		go d.review()
	}
	return d
}

// Accept waits for a connection that has agreed on TLS.
func (d *Door) Accept() (net.Conn, error) {
	select {
	case c := <-d.ready:
		return c, nil
	case err := <-d.failed:
		return nil, err
	case <-d.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends handshakes that are under way, too, and all goroutines.
func (d *Door) Close() error {
	err := d.Listener.Close()
	d.cancel()
	d.mu.Lock()
	for _, p := range d.pending {
		p.conn.Close()
	}
	d.mu.Unlock()
	d.guests.Wait()
	return err
}

// run accepts. Whoever calls Accept decides how to go on after a failure.
func (d *Door) run() {
	defer d.guests.Done()
	for {
		conn, err := d.Listener.Accept()
		if err == nil {
			d.guests.Add(1)
			go d.welcome(conn, d.admit(conn))
			continue
		}
		select {
		case d.failed <- err:
		case <-d.ctx.Done():
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// admit makes room for a connection, and returns the context of its handshake.
func (d *Door) admit(conn net.Conn) context.Context {
	ctx, end := context.WithCancelCause(d.ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pending) >= d.cfg.MaxHandshakes {
		d.pending[0].end(errCrowd)
		d.pending[0].conn.Close()
		d.pending = d.pending[1:]
	}
	d.pending = append(d.pending, pending{conn, end})
	return ctx
}

// left takes a connection from those at their handshakes.
func (d *Door) left(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, p := range d.pending {
		if p.conn == conn {
			p.end(nil)
			d.pending = append(d.pending[:i:i], d.pending[i+1:]...)
			return
		}
	}
}

// welcome shakes hands and hands the connection out.
func (d *Door) welcome(conn net.Conn, ctx context.Context) {
	defer d.guests.Done()
	defer d.left(conn)
	handshake, stop := context.WithTimeout(ctx, d.cfg.Timeout)
	defer stop()
	inner := &guest{Conn: conn, door: d}
	secure := tls.Server(inner, d.cfg.TLS)
	err := secure.HandshakeContext(handshake)
	if err != nil {
		switch crowd := context.Cause(ctx); {
		case crowd != nil:
			err = crowd
		case handshake.Err() != nil:
			err = fmt.Errorf("the handshake was not over after %s", d.cfg.Timeout)
		}
		d.turnAway(conn, err)
		return
	}
	d.left(conn) // before it waits for Accept: from here on it is no stranger
	d.remember(inner, secure)
	select {
	case d.ready <- secure:
	case <-d.ctx.Done():
		inner.Close()
	}
}

// turnAway ends a connection without TLS.
func (d *Door) turnAway(conn net.Conn, err error) {
	defer conn.Close()
	var plain tls.RecordHeaderError
	var network *net.OpError
	trouble := kindOf(err)
	switch {
	case d.ctx.Err() != nil, errors.Is(err, io.EOF):
		return // this end closes, or somebody looked whether the port is open
	case errors.As(err, &plain) && plain.Conn != nil:
		trouble = "without TLS"
		err = fmt.Errorf("it speaks without TLS, and starts with %q", bytes.TrimSpace(plain.RecordHeader[:]))
		d.farewell(conn, d.cfg.Plain)
	case errors.As(err, &network):
		err = fmt.Errorf("%s: %w", network.Op, network.Err) // without ports, which differ each time
		trouble = err.Error()
		d.farewell(conn, nil)
	case !errors.Is(err, errCrowd):
		d.farewell(conn, nil) // TLS has said why
	}
	address := conn.RemoteAddr().String()
	if held, tell := d.told.ask(hostOf(address)+" "+trouble, time.Now()); tell {
		d.cfg.Logger.Warn("turned a caller away", "port", d.Addr().String(), "address", address, "error", err, "repeated", held)
	}
}

// kindOf is what is the same in all errors of a kind: their words may have a time in them.
func kindOf(err error) string {
	innermost := err
	for next := err; next != nil; next = errors.Unwrap(next) {
		innermost = next
	}
	if kind := fmt.Sprintf("%T", innermost); kind != "*errors.errorString" {
		return kind
	}
	return innermost.Error()
}

// farewell lets the other end read what was said last, and words. A socket that is closed while bytes wait to be read is
// reset, and the other end may lose what was said: so they are read first, for a moment.
func (d *Door) farewell(conn net.Conn, words []byte) {
	const patience, enough = 500 * time.Millisecond, 64 << 10
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(words); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, conn, enough)
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
