package http

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
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
	// Names are host names that this server answers to, besides localhost and any
	// address.
	Names []string
	// Ports are added to /status, such as "redis": "127.0.0.1:6380".
	Ports map[string]string
	// Timeout is how long a request may wait for the cluster. Default 5 seconds.
	Timeout time.Duration
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

type handler struct {
	Config
}

// NewHandler makes the face of a member. Serve it with NewServer, which has the
// timeouts that it needs.
func NewHandler(cfg Config) http.Handler {
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return handler{cfg}
}

// NewServer is an http.Server whose clients can take neither their time nor memory.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // a value of 1 MiB at 35 KiB/s
		WriteTimeout:      40 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP routes by hand: http.ServeMux would clean paths, and keys such as a//b or
// .. with them.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if problem := h.checkOrigin(r); problem != nil {
		problem.write(w)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/kv/"):
		h.serveKey(w, r)
	case r.URL.Path == "/status":
		h.serveOnly(w, r, h.serveStatus)
	case r.URL.Path == "/healthz":
		h.serveOnly(w, r, h.serveHealth)
	default:
		(&problem{http.StatusNotFound, "not_found", "there is nothing at " + r.URL.Path + "; try /kv/KEY, /status or /healthz"}).write(w)
	}
}

// serveOnly serves what can be looked at and not changed.
func (h handler) serveOnly(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(w, r, "GET, HEAD")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	serve(w, r)
}

// status is balsa.Status and where else the member answers.
type status struct {
	balsa.Status
	Ports map[string]string `json:"ports,omitempty"`
}

// patience is how long a status waits for what the leader knows; without it, the status
// says what this member knows by itself.
const patience = 300 * time.Millisecond

func (h handler) serveStatus(w http.ResponseWriter, r *http.Request) {
	s := h.Member.Status()
	if s.Leader != "" && s.Role != "leader" {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		if members, err := h.Member.Members(ctx); err == nil {
			s.Members = members
		}
	}
	writeJSON(w, http.StatusOK, status{s, h.Ports})
}

func (h handler) serveHealth(w http.ResponseWriter, _ *http.Request) {
	if problem := h.health(); problem != nil {
		problem.write(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}

func (h handler) health() *problem {
	select {
	case <-h.Member.Done():
		err := h.Member.Err()
		if err == nil {
			err = errors.New("it was closed")
		}
		return &problem{http.StatusServiceUnavailable, "closed", "this member has stopped: " + err.Error()}
	default:
	}
	if s := h.Member.Status(); s.Leader == "" {
		return &problem{http.StatusServiceUnavailable, "no_leader", "there is no leader: " + s.Waiting}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// An error here is the client's going away.
	_ = json.NewEncoder(w).Encode(value)
}
