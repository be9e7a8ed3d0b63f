package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// sessions is the session in which a client numbers its commands, one after the other: a
// new one follows when it has expired. Any goroutine may use it.
type sessions struct {
	ttl     time.Duration
	opening chan struct{} // holds a token while nobody opens one

	mu      sync.Mutex
	current *numbers // nil for none
}

// numbers are those of one session.
type numbers struct {
	id      uint64
	next    uint64          // of the next command
	low     uint64          // all below are done with; low <= next
	done    map[uint64]bool // those done with from low on
	usedAt  time.Time
	waiting int
}

// maxWindow bounds how far next is ahead of low, well below what the cluster allows. One
// command that takes very long makes the others go on in another session.
const maxWindow = balsa.MaxSessionWindow / 2

// number is a command's place in a session.
type number struct {
	of       *numbers
	seq, low uint64
}

func (s *sessions) init(ttl time.Duration) {
	s.ttl, s.opening = ttl, make(chan struct{}, 1)
	s.opening <- struct{}{}
}

// take gives out the next number, if there is a session that will last.
func (s *sessions) take() (number, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := s.current, time.Now()
	if n == nil || n.next-n.low >= maxWindow || n.waiting == 0 && now.Sub(n.usedAt) > s.ttl/2 {
		return number{}, false
	}
	taken := number{n, n.next, n.low}
	n.next++
	n.waiting++
	n.usedAt = now
	return taken, true
}

// give says that nobody waits for a number any more.
func (s *sessions) give(taken number) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := taken.of
	n.waiting--
	n.done[taken.seq] = true
	for n.done[n.low] {
		delete(n.done, n.low)
		n.low++
	}
}

// forget lets a session go, unless another one has taken its place already.
func (s *sessions) forget(n *numbers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == n {
		s.current = nil
	}
}

func (s *sessions) begin(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = &numbers{id: id, next: 1, low: 1, done: map[uint64]bool{}, usedAt: time.Now()}
}

// number gives out the next number, in a new session if there is none that will last. One
// caller opens it while the others wait.
func (c *Client[C, R]) number(ctx context.Context) (number, error) {
	s := &c.sessions
	for {
		if n, ok := s.take(); ok {
			return n, nil
		}
		select {
		case <-s.opening:
		case <-ctx.Done():
			return number{}, failure(proposing, balsa.ErrNotCommitted, context.Cause(ctx))
		}
		n, ok := s.take()
		var err error
		if !ok {
			err = c.openSession(ctx)
		}
		s.opening <- struct{}{}
		if ok || err != nil {
			return n, err
		}
	}
}

// openSession opens a session. One whose opening nobody has confirmed is left to expire.
func (c *Client[C, R]) openSession(ctx context.Context) error {
	return c.targets.try(ctx, try{did: proposing + ": open a session", reads: true, ask: func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		r, err := stub.OpenSession(ctx, &balsav1.OpenSessionRequest{TtlMs: uint64(c.sessions.ttl.Milliseconds()), WaitMs: waitMS})
		if err == nil {
			c.sessions.begin(r.GetSession())
		}
		return r.GetStanding(), err
	}})
}

// closeSession tells the cluster to forget the session, if it can do so soon.
func (c *Client[C, R]) closeSession() {
	s := &c.sessions
	s.mu.Lock()
	n := s.current
	s.current = nil
	s.mu.Unlock()
	if n == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// It expires by itself where this does not arrive.
	_ = c.targets.try(ctx, try{did: "close the session", ask: func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error) {
		r, err := stub.CloseSession(ctx, &balsav1.CloseSessionRequest{Session: n.id, WaitMs: waitMS})
		return r.GetStanding(), err
	}})
}

// expired says whether a command failed because its session is gone, and surely has not
// run.
func expired(err error) bool {
	return errors.Is(err, balsa.ErrSessionExpired) && errors.Is(err, balsa.ErrNotCommitted)
}
