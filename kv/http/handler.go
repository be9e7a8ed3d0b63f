package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/access"
	"github.com/balsaraft/balsa/unread"
)

// Member is what /status and /healthz ask; a *balsa.Node is one.
type Member interface {
	Status() balsa.Status
	// Members are those of the status, with what the leader knows of them.
	Members(context.Context) ([]balsa.MemberStatus, error)
	// Done is closed when the member has ended.
	Done() <-chan struct{}
	// Err is why.
	Err() error
}

// Config is what a handler is made of.
type Config struct {
	Store  kv.Store
	Member Member
	// Access knows the callers. Without it, everybody may do everything.
	Access *access.Book
	// Also are other services of the member, by the path under which they answer: they
	// are as well kept from pages of other origins, and from callers who lack any right.
	// What they are sent may be of any length, and is not counted as MaxHeld.
	Also map[string]http.Handler
	// Open are such services that keep no secrets: they answer strangers, too. One at "/"
	// is there alone, and not for what lies below.
	Open map[string]http.Handler
	// Guarded are such services that keep to their callers' rights themselves: they ask
	// access.CallerIn. Strangers do not reach them.
	Guarded map[string]http.Handler
	// Names are host names that this server answers to, besides localhost and any
	// address.
	Names []string
	// Ports are added to /status, such as "redis": "127.0.0.1:6380".
	Ports map[string]string
	// Timeout is how long a request may wait for the cluster. Default 5 seconds.
	Timeout time.Duration
	// MaxWatches is how many watches are served at a time. Default 1000.
	MaxWatches int
	// MaxHeld is how many bytes of bodies may be held at a time, and as many of large answers
	// that clients take their time to read, those of services beside and of watches among
	// them. Default 256 MiB.
	MaxHeld int
	// WatchBeat is how often a watch gives a sign of life. Default 15 seconds.
	WatchBeat time.Duration
	// WatchPatience is how long a watcher may leave an event unread. Default 20 seconds.
	WatchPatience time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.MaxWatches = cmp.Or(c.MaxWatches, 1000)
	c.MaxHeld = cmp.Or(c.MaxHeld, 256<<20)
	c.WatchBeat = cmp.Or(c.WatchBeat, 15*time.Second)
	c.WatchPatience = cmp.Or(c.WatchPatience, 20*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

type handler struct {
	Config
	operations []operation
	watches    chan struct{} // holds one for each watch
	held       *atomic.Int64 // bytes of bodies
	answers    *unread.Answers
}

// NewHandler makes the face of a member. Serve it with NewServer, which has the
// timeouts that it needs.
func NewHandler(cfg Config) http.Handler {
	cfg = cfg.withDefaults()
	return handler{cfg, operations(), make(chan struct{}, cfg.MaxWatches), new(atomic.Int64), unread.New(int64(cfg.MaxHeld))}
}

// NewServer is an http.Server whose clients can take neither their time nor memory, and
// of which there are 4096 at most. Its Shutdown ends watches, too.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return newServer(h, logger, maxConns)
}

func newServer(h http.Handler, logger *slog.Logger, conns int64) *http.Server {
	closing, shutDown := context.WithCancel(context.Background())
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // a value of 1 MiB at 35 KiB/s
		WriteTimeout:      40 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         (&crowd{most: conns}).note,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), closingKey{}, closing.Done())
		},
	}
	s.RegisterOnShutdown(shutDown)
	return s
}

// closingKey is where a request's context says when the server closes.
type closingKey struct{}

// ServeHTTP routes by hand: http.ServeMux would clean paths, and keys such as a//b or
// .. with them.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if problem := h.checkOrigin(r); problem != nil {
		problem.write(w)
		return
	}
	body := &counted{ReadCloser: r.Body, held: h.held, most: int64(h.MaxHeld)}
	defer body.release()
	r.Body = body
	if h.also(w, r) {
		return
	}
	o, problem := h.find(r)
	if problem != nil {
		problem.write(w)
		return
	}
	c := call{Request: r, store: h.Store}
	if !o.open {
		if c.caller, problem = h.callerOf(r); problem != nil {
			problem.write(w)
			return
		}
		c.store = access.Guard(h.Store, c.caller)
	}
	var err error
	if c.query, err = o.parameters(r.URL.RawQuery); err != nil {
		badRequest(err).write(w)
		return
	}
	o.serve(h, w, c)
}

// patient is how long the cluster is waited for.
func (h handler) patient(c call) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Context(), h.Timeout)
}

// status is balsa.Status and where else the member answers.
type status struct {
	balsa.Status
	Ports map[string]string `json:"ports,omitempty"`
}

// patience is how long a status waits for what the leader knows; without it, the status
// says what this member knows by itself.
const patience = 300 * time.Millisecond

func (h handler) status(w http.ResponseWriter, c call) {
	s := h.Member.Status()
	if s.Leader != "" && s.Role != "leader" {
		ctx, cancel := context.WithTimeout(c.Context(), patience)
		defer cancel()
		if members, err := h.Member.Members(ctx); err == nil {
			s.Members = members
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, status{s, h.Ports})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	writeText(w, code, encode(value))
}

func writeText(w http.ResponseWriter, code int, json []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// An error here is the client's going away.
	_, _ = w.Write(json)
}

// encode makes JSON of what is answered, all of which has that form.
func encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value)
	return b.Bytes()
}

func bytesOf(n int64) string { return fmt.Sprintf("%d bytes", n) }
