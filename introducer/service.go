package introducer

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

// Service is an introducer. It is an http.Handler, of any number of servers at a time.
type Service struct {
	opts    Options
	mux     *http.ServeMux
	rooms   rooms
	tokens  *tokens // nil if none are asked for
	budget  budget
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup           // all connections
	settled time.Time                // by when all are back who were here before a restart
	origins atomic.Pointer[[]string] // nil before AllowOrigins

	mu      sync.Mutex
	closed  bool
	open    int
	perAddr map[string]int
}

// New makes an introducer. Close it when it is not needed any more. An error names the
// option that is not good.
func New(opts Options) (*Service, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		opts: opts, mux: http.NewServeMux(), perAddr: map[string]int{}, settled: time.Now().Add(room.Settling),
		rooms:  rooms{maxRooms: opts.MaxRooms, maxMembers: opts.MaxMembers, apart: opts.Apart, byID: map[room.ID]*lobby{}},
		budget: budget{limit: int64(opts.TotalBytes)},
	}
	if opts.TokenKey != nil {
		s.tokens = newTokens(opts.TokenKey)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mux.HandleFunc("GET "+room.Path, s.meet)
	s.mux.HandleFunc("GET /status", s.status)
	s.mux.Handle("GET /", pages(opts.Pages))
	return s, nil
}

// ServeHTTP answers members at room.Path, status at /status, and all else with pages.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close tells all members that it ends, and waits until their connections have.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	return nil
}

// Status is what a person may want to know of an introducer: how many, and not who.
type Status struct {
	Rooms       int `json:"rooms"`
	Members     int `json:"members"`
	Connections int `json:"connections"`
	QueuedBytes int `json:"queuedBytes"`
}

// Status says how much goes on.
func (s *Service) Status() Status {
	rooms, members := s.rooms.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Rooms: rooms, Members: members, Connections: s.open, QueuedBytes: int(s.budget.used.Load())}
}

func (s *Service) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Status())
}

// meet is the life of one member's connection.
func (s *Service) meet(w http.ResponseWriter, r *http.Request) {
	if err := s.checkOrigin(r); err != nil {
		refuse(w, http.StatusForbidden, err)
		return
	}
	addr := hostOf(r.RemoteAddr)
	if err := s.admit(addr); err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	defer s.left(addr)
	s.receive(w, r, false)
}

// receive makes a WebSocket of a request, and lives for as long as that.
func (s *Service) receive(w http.ResponseWriter, r *http.Request, local bool) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{room.Subprotocol},
		InsecureSkipVerify: true, // of the origin, which was looked at before
	})
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(room.MaxText)
	v := newVisitor(s, conn, local)
	err = v.stay(s.ctx)
	s.opts.Logger.Debug("a member's connection ended", "address", r.RemoteAddr, "room", v.hello.Room, "peer", v.hello.Member, "error", err)
}

// admit counts a connection, if there may be one more.
func (s *Service) admit(addr string) *room.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return room.Fail(room.GoingAway, "the introducer ends")
	case s.open >= s.opts.MaxConnections:
		return room.Fail(room.Busy, "%d members are connected, and no more may be", s.open)
	case s.perAddr[addr] >= s.opts.MaxPerAddress:
		return room.Fail(room.Busy, "%d members are connected from %s, and no more may be", s.perAddr[addr], addr)
	}
	s.open++
	s.perAddr[addr]++
	s.running.Add(1)
	return nil
}

func (s *Service) left(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.perAddr[addr]--; s.perAddr[addr] == 0 {
		delete(s.perAddr, addr)
	}
	s.running.Done()
}

// refuse answers before there is a WebSocket, in the form of its errors.
func refuse(w http.ResponseWriter, status int, err *room.Error) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": string(err.Code), "message": err.Message})
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// welcome is what a member gets that has come in.
func (s *Service) welcome(v *visitor, peers []room.Peer) room.Told {
	now := time.Now()
	m := room.Told{
		Type: room.TypeWelcome, Seat: v.seat, Peers: peers, ICEServers: s.iceServers(v.hello.Room, now),
		Settling: max(0, s.settled.Sub(now).Milliseconds()),
		Limits: &room.Limits{
			Members: s.opts.MaxMembers, Signal: room.MaxSealed, Relay: room.MaxRelay,
			MessagesPerSecond: s.opts.MessagesPerSecond, BytesPerSecond: s.opts.BytesPerSecond,
		},
	}
	if s.tokens != nil {
		m.Resume = Token{Room: v.hello.Room, Member: v.hello.Member, Expires: now.Add(resumeFor), ID: freshID(), Many: true}.Sign(s.opts.TokenKey)
	}
	return m
}
