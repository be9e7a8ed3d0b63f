package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
)

// Config says who may ask, and bounds what strangers can take. Its zero value has the
// defaults.
type Config struct {
	// Password is what AUTH and HELLO must bring before anything else is answered.
	// Without one everybody is answered.
	Password string
	// Access knows callers by tokens, which AUTH and HELLO bring in place of a password.
	// Each may do what its grants say.
	Access *access.Book
	// Lines answers commands that come as a line and are none of Redis's.
	Lines Lines
	// Member says how the member stands, for INFO.
	Member Member
	// MaxLine is the longest command that comes as a line, in bytes. Default 64 KiB.
	MaxLine int
	// MaxConns is how many connections are served at a time. Default 1024.
	MaxConns int
	// MaxHeld is how many bytes the large commands of all connections, what they have
	// queued, and the answers that are being written may take together: about, since an
	// answer that is there is written. Default 256 MiB.
	MaxHeld int
	// Idle is how long a connection may be without a whole command, and a quarter more at
	// most, unless it is subscribed. Default 10 minutes.
	Idle time.Duration
	// Unread is how long a client may leave answers unread, once the system's buffers are
	// full, and a quarter more at most. Default 30 seconds.
	Unread time.Duration
	// Timeout is how long a command may wait for the cluster, and a quarter more at most.
	// Default 5 seconds.
	Timeout time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
	// Observe is told of each command that was answered: its name, or line or other for what
	// is none of Redis's; ok, refused or failed; and the time since the requests that came
	// with it were read. Any goroutine may call it. Default: nobody is told.
	Observe func(command, result string, took time.Duration)
}

// Lines are commands for people, which come as a line and are answered in words.
type Lines interface {
	// Knows says whether a word in small letters begins such a command. All others are
	// Redis's, if it has them.
	Knows(word string) bool
	// Answer carries a line out on the store, which is as its caller may use it. It
	// returns the answer with its line's end, and whether the connection goes on.
	Answer(ctx context.Context, store kv.Store, line string) (reply string, goOn bool)
}

// Member is what INFO needs of a balsa.Node.
type Member interface{ Status() balsa.Status }

func (c Config) withDefaults() Config {
	c.MaxLine = cmp.Or(c.MaxLine, 64<<10)
	c.MaxConns = cmp.Or(c.MaxConns, 1024)
	c.MaxHeld = cmp.Or(c.MaxHeld, 256<<20)
	c.Idle = cmp.Or(c.Idle, 10*time.Minute)
	c.Unread = cmp.Or(c.Unread, 30*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// Server answers connections from a store. Any goroutine may use it.
type Server struct {
	store   kv.Store
	cfg     Config
	cursors cursors
	started time.Time
	lastID  atomic.Int64
	held    atomic.Int64
	done    atomic.Int64 // commands

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
		store: store, cfg: cfg.withDefaults(), started: time.Now(), closed: make(chan struct{}),
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
			return fmt.Errorf("accept connections: %w", err)
		default:
			// Such as too many open files: it passes when connections end.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Logger.Warn("a connection could not be accepted", "error", err, "again_in", pause)
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
		fmt.Fprintf(accepted, "-ERR max number of clients reached: this member serves %d connections already; close one, or ask another member\r\n", s.cfg.MaxConns)
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

// hold grants bytes for something large, if there is room.
func (s *Server) hold(n int) bool {
	if s.held.Add(int64(n)) <= int64(s.cfg.MaxHeld) {
		return true
	}
	s.held.Add(int64(-n))
	return false
}

func (s *Server) release(n int) { s.held.Add(int64(-n)) }

// clients is how many connections there are.
func (s *Server) clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
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
