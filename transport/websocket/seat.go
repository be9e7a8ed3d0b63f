package websocket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/balsaraft/balsa/room"
)

// seat is this member's place in the room, across all connections to the introducer.
type seat struct {
	opts prepared
	url  string // of its introducer, or its server

	// Of one at the door of a server that others told of; seats.mu guards them.
	learned string             // the server's name in its room
	member  bool               // it has been a member of the cluster
	leave   context.CancelFunc // ends it; nil until it is kept

	mu      sync.Mutex
	session *session // nil while there is none
	out     error    // why there is none
	resume  string   // what lets it come back without a token
	missed  bool     // the introducer was away: it may have come back before those in the room
	belongs bool     // this member is one of the cluster's
}

const leastPause = 250 * time.Millisecond

func newSeat(p prepared, url string) *seat { return &seat{opts: p, url: url, out: errNoSeat} }

// keep stays in the room until ctx ends.
func (s *seat) keep(ctx context.Context, o owner) {
	pause := leastPause
	for {
		welcomed, err := s.visit(ctx, o)
		if ctx.Err() != nil {
			return
		}
		if welcomed {
			pause = leastPause
		}
		if errors.Is(err, room.Displaced) {
			s.opts.Logger.Error("this member left its room, because another process goes by its name there; give each member a name of its own, and start this one again",
				"member", s.opts.Member, "room", s.opts.Room, "error", err)
			return
		}
		o.Complain(slog.LevelWarn, "room", "this member is out of its room, and goes on trying", "introducer", s.url, "room", s.opts.Room, "error", err)
		timer := time.NewTimer(pause*3/4 + mathrand.N(pause/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, room.MostPause)
	}
}

// visit is one connection's life. It says whether there was a welcome, and why it ended.
func (s *seat) visit(ctx context.Context, o owner) (welcomed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	token, err := s.token(ctx)
	if err != nil {
		return false, s.left(fmt.Errorf("get a token: %w", err))
	}
	v := newSession(s.opts, o, s.isMember())
	err = v.dial(ctx, s.url, token)
	if err != nil {
		if errors.Is(err, room.TokenWrong) || errors.Is(err, room.TokenExpired) {
			s.forgetResume() // the introducer has another key by now
		}
		return false, s.left(err)
	}
	s.took(v)
	s.opts.Logger.Info("in a room", "introducer", s.url, "room", s.opts.Room, "member", s.opts.Member, "others", len(v.welcome.Peers))
	for _, p := range v.welcome.Peers {
		o.Here(p.Member)
	}
	return true, s.left(v.run(ctx))
}

// took notes that there is a session.
func (s *seat) took(v *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session, s.out = v, nil
	if v.welcome.Resume != "" {
		s.resume = v.welcome.Resume
	}
	if s.belongs {
		v.belong() // if that came to be since it said hello
	}
}

// belong says to all in the room, now and later, that this member is one of the cluster's.
func (s *seat) belong() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.belongs {
		return
	}
	s.belongs = true
	if s.session != nil {
		s.session.belong()
	}
}

// seek says what a member without a cluster does here (room.View).
func (s *seat) seek() (join []string, found bool) {
	s.mu.Lock()
	v, missed := s.session, s.missed
	s.mu.Unlock()
	if v == nil {
		return nil, false
	}
	return v.seek(missed)
}

// present is the session, nil if there is none.
func (s *seat) present() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// belonging are the addresses of those in the room who belong to its cluster.
func (s *seat) belonging() []string {
	v := s.present()
	if v == nil {
		return nil
	}
	return v.belonging()
}

func (s *seat) isMember() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.belongs
}

// left notes why there is no session.
func (s *seat) left(why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed = true
	s.session, s.out = nil, why
	return why
}

func (s *seat) forgetResume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume = ""
}

func (s *seat) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	resume := s.resume
	s.mu.Unlock()
	if resume != "" || s.opts.Token == nil {
		return resume, nil
	}
	return s.opts.Token(ctx)
}

func (s *seat) whyOut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out
}

// find is who goes by a name in the room.
func (s *seat) find(name string) (*peer, error) {
	v := s.present()
	if v == nil {
		return nil, errNoSeat
	}
	return v.find(name)
}

func freshNonce() (n room.Nonce) {
	_, _ = rand.Read(n[:]) // it never fails
	return n
}

// members are those who can be reached from this seat.
func (s *seat) members() []string {
	v := s.present()
	if v == nil {
		return nil
	}
	return v.members()
}

// server is the server at which this seat is, nil if it cannot be reached.
func (s *seat) server() *peer {
	for _, member := range s.members() {
		if p, err := s.find(member); err == nil && room.IsServer(member) {
			return p
		}
	}
	return nil
}
