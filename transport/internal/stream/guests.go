package stream

import (
	"maps"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/wire"
)

// guests are the accepted connections. There are few that have not said who they are,
// and of a member one for each lane: a newer one shows that the older is dead, and
// ends it, so that nothing from a former life comes late. Any goroutine may use it.
type guests struct {
	maxPending, maxKnown int

	mu      sync.Mutex
	pending []Conn // the oldest first
	known   map[guest]Conn
	closed  bool
}

// guest is who a connection comes from.
type guest struct {
	id   wire.MemberID
	lane wire.Lane
}

func newGuests(maxPending, maxKnown int) guests {
	return guests{maxPending: maxPending, maxKnown: maxKnown, known: map[guest]Conn{}}
}

// arrived adds a connection. If there are too many whose other end has not said who it
// is, the oldest is ended. It says false if the transport is closed.
func (g *guests) arrived(conn Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if len(g.pending) >= g.maxPending {
		g.pending[0].Close()
		g.pending = g.pending[1:]
	}
	g.pending = append(g.pending, conn)
	return true
}

// settled notes whose connection it is. It says false if there is no room.
func (g *guests) settled(conn Conn, who guest) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	older := g.known[who]
	if g.closed || older == nil && len(g.known) >= g.maxKnown {
		return false
	}
	g.unpend(conn)
	if older != nil {
		older.Close()
	}
	g.known[who] = conn
	return true
}

// gaveWay says whether a connection whose other end has not said who it is was ended to
// make room for another.
func (g *guests) gaveWay(conn Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.Contains(g.pending, conn) && !slices.Contains(slices.Collect(maps.Values(g.known)), conn)
}

func (g *guests) unpend(conn Conn) {
	g.pending = slices.DeleteFunc(g.pending, func(c Conn) bool { return c == conn })
}

// left closes a connection and forgets it.
func (g *guests) left(conn Conn, who guest) {
	conn.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unpend(conn)
	if g.known[who] == conn {
		delete(g.known, who)
	}
}

func (g *guests) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, conn := range g.pending {
		conn.Close()
	}
	for _, conn := range g.known {
		conn.Close()
	}
}
