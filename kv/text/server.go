package text

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// Config bounds what strangers can take. Its zero value has the defaults.
type Config struct {
	// MaxLine is the longest line, in bytes. Default 64 KiB; larger values go over
	// HTTP.
	MaxLine int
	// MaxConns is how many connections are served at a time. Default 1024.
	MaxConns int
	// Idle is how long a connection may be without a whole line. Default 10 minutes.
	Idle time.Duration
	// Timeout is how long a command may wait for the cluster. Default 5 seconds.
	Timeout time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxLine, 64<<10)
	setDefault(&c.MaxConns, 1024)
	setDefault(&c.Idle, 10*time.Minute)
	setDefault(&c.Timeout, 5*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Server answers connections from a store. Any goroutine may use it.
type Server struct {
	store kv.Store
	cfg   Config

	mu        sync.Mutex
	closing   bool
	closed    chan struct{} // closed when closing is set
	listeners map[net.Listener]bool
	conns     map[*conn]context.CancelFunc // each gives up the command under way
	serving   sync.WaitGroup
}

// NewServer makes a server; Serve starts it.
func NewServer(store kv.Store, cfg Config) *Server {
	return &Server{
		store: store, cfg: cfg.withDefaults(), closed: make(chan struct{}),
		listeners: map[net.Listener]bool{}, conns: map[*conn]context.CancelFunc{},
	}
}

// Serve answers connections until Shutdown, and returns nil then, or why the listener
// failed. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.track(l) {
		return nil
	}
	var pause time.Duration
	for {
		accepted, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.serve(accepted)
		case s.isClosing():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept text connections: %w", err)
		default:
			// Such as too many open files: it passes when connections end.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Logger.Warn("a text connection could not be accepted", "error", err, "again_in", pause)
			s.rest(pause)
		}
	}
}

func (s *Server) rest(pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-s.closed:
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[l] = true
	return !s.closing
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// serve starts a connection's goroutine, or turns the connection away.
func (s *Server) serve(accepted net.Conn) {
	c := newConn(s, accepted)
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	full, closing := len(s.conns) >= s.cfg.MaxConns, s.closing
	if !full && !closing {
		s.conns[c] = cancel
		s.serving.Add(1)
	}
	s.mu.Unlock()
	if full || closing {
		cancel()
		accepted.SetWriteDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(accepted, "Error: this member serves %d connections already; close one, or ask another member\n", s.cfg.MaxConns)
		accepted.Close()
		return
	}
	go func() {
		defer s.serving.Done()
		defer cancel()
		c.serve(ctx)
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Shutdown stops to accept connections, lets every connection answer the command it
// is at, and closes it. When ctx ends first, commands are given up and connections
// cut; it returns the error of ctx then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.closed)
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.wake()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.serving.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c, giveUp := range s.conns {
		giveUp()
		c.net.Close()
	}
	s.mu.Unlock()
	<-done
	return context.Cause(ctx)
}
