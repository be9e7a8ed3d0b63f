package websocket

import (
	"sync"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// roster is whom this member wants connections to. Members of a cluster may be windows
// that are closed, by the hundred, or such as this member never meets, because both know
// the same servers and not each other: nobody is dialled who was never here. Any goroutine
// may use it.
type roster struct {
	hub   *stream.Hub
	seats *seats

	mu    sync.Mutex
	peers []wire.Peer
	seen  map[string]bool // those of them that have been here
}

func newRoster(hub *stream.Hub, all *seats) *roster {
	return &roster{hub: hub, seats: all, seen: map[string]bool{}}
}

// connect notes whom this member wants connections to.
func (r *roster) connect(peers []wire.Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]bool{}
	for _, p := range peers {
		if name := room.MemberAt(p.Addr); r.seen[name] || r.seats.has(name) {
			seen[name] = true
		}
	}
	r.peers, r.seen = peers, seen
	r.dial()
	r.seats.belong()
	r.seats.know(peers)
}

// here notes that a member has come.
func (r *roster) here(member string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub.Here(AnyServer)
	r.hub.Here(room.Scheme + member)
	for _, p := range r.peers {
		if room.MemberAt(p.Addr) != member {
			continue
		}
		if !r.seen[member] {
			r.seen[member] = true
			r.dial()
		}
		r.hub.Here(p.Addr)
	}
}

// dial has the hub hold connections to those who have been here.
func (r *roster) dial() {
	var here []wire.Peer
	for _, p := range r.peers {
		if r.seen[room.MemberAt(p.Addr)] {
			here = append(here, p)
		}
	}
	r.hub.Connect(here)
}

// tenant is a hub as a session has it.
type tenant struct {
	*stream.Hub
	t *Transport
}

// Here tells the roster, which tells the hub.
func (t tenant) Here(member string) { t.t.roster.here(member) }
