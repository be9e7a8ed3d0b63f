package websocket

import (
	"io"
	"sync"
	"time"

	"github.com/balsaraft/balsa/room"
)

// Direct makes connections between two members who have met in a room, which need no
// introducer once they stand. Its methods do not wait, except for Close.
type Direct interface {
	// Start says who this member is. From then on accept gets the streams that others
	// open, and here is told of members that have been connected to.
	Start(own string, accept func(member string, s io.ReadWriteCloser), here func(member string))
	// Joined says that a member has come to the room on a new WebSocket, and which servers
	// for ICE the introducer names; say says something to it, sealed.
	Joined(member string, ice []room.ICEServer, say func(room.Word))
	// Left says that the introducer does not see a member any more.
	Left(member string)
	// Hear takes what a member has said: who shares the secret, and nobody else.
	Hear(member string, w room.Word)
	// Dial opens a stream to a member, or says that there is no connection to it; with
	// ErrGone that it has said goodbye.
	Dial(member string) (io.ReadWriteCloser, error)
	// Close ends all connections before it returns.
	Close()
}

// acceptDirect takes a stream that another member has opened.
func (t *Transport) acceptDirect(member string, s io.ReadWriteCloser) {
	c := newConn(&timed{ReadWriteCloser: s}, member, t.seats.opts.Vet)
	if !t.hub.Go(func() { t.hub.Serve(c) }) {
		s.Close()
	}
}

// connected moves what is relayed to a member onto its direct connection.
func (t *Transport) connected(member string) {
	if p, err := t.seats.find(room.Scheme + member); err == nil {
		p.mux.Retire()
	}
	t.roster.here(member)
}

// timed is a stream with deadlines: one that is late is closed.
type timed struct {
	io.ReadWriteCloser

	mu    sync.Mutex
	timer *time.Timer // nil for none
}

func (s *timed) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if !t.IsZero() {
		s.timer = time.AfterFunc(time.Until(t), func() { s.ReadWriteCloser.Close() })
	}
	return nil
}

func (s *timed) Close() error {
	_ = s.SetDeadline(time.Time{})
	return s.ReadWriteCloser.Close()
}
