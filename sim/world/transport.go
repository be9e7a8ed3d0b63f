package world

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// transport is one process's end of the network. It is a host.Transport.
type transport struct {
	w       *World
	addr    string
	wake    func()
	card    wire.Card
	links   []*link
	inbox   []wire.Arrival
	waiting int               // bytes of messages in the inbox and under way to it
	refused map[string]string // what was last reported about an address
	closed  bool
}

// maxWaiting bounds the bytes that wait for a process; what comes on top is dropped, as
// by a socket's full queue.
const maxWaiting = 32 << 20

// link is the connection to a member, from this side.
type link struct {
	peer wire.Peer
	to   *transport // nil while it is not connected
	up   bool       // it was reported as connected, and not as broken since
	held bool       // it is one to keep
	busy bool       // an attempt to connect is on the agenda
}

// Introduce implements host.Transport.
func (t *transport) Introduce(card wire.Card) { t.card = card }

// Connect implements host.Transport.
func (t *transport) Connect(peers []wire.Peer) {
	for _, l := range t.links {
		l.held = false
	}
	var links []*link
	for _, p := range peers {
		l := t.link(p.ID)
		if l == nil {
			l = &link{}
		}
		l.peer, l.held = p, true
		links = append(links, l)
		if l.to != nil && l.to.addr != p.Addr {
			l.to = nil // it lives elsewhere now
		}
		t.tryLater(l, 0, 5*time.Millisecond)
	}
	t.links = links
}

func (t *transport) link(id wire.MemberID) *link {
	i := slices.IndexFunc(t.links, func(l *link) bool { return l.peer.ID == id })
	if i < 0 {
		return nil
	}
	return t.links[i]
}

// tryLater puts an attempt to connect on the agenda, if the link needs one.
func (t *transport) tryLater(l *link, least, most time.Duration) {
	if l.busy || l.to != nil {
		return
	}
	l.busy = true
	t.w.after(t.w.draw.between(least, most), func() {
		l.busy = false
		if !t.closed && l.held && l.to == nil {
			t.try(l)
		}
	})
}

const (
	leastRedial = 20 * time.Millisecond
	mostRedial  = 300 * time.Millisecond
)

// try connects a link if it can be. That a link was lost is decided here: while another
// process takes its place at once, nobody is told of more than that.
func (t *transport) try(l *link) {
	n := &t.w.network
	there := n.at(l.peer.Addr)
	reachable := !n.severed(t.addr, l.peer.Addr)
	if reachable && there != nil && t.greet(there, l.peer, wire.LaneMessages) {
		l.to, l.up = there, true
		t.arrive(wire.Arrival{Kind: wire.ArrivedUp, Card: there.card})
		there.arrive(wire.Arrival{Kind: wire.ArrivedGuest, Card: t.card})
		return
	}
	if l.up {
		l.up = false
		t.arrive(wire.Arrival{Kind: wire.ArrivedDown, Card: wire.Card{ID: l.peer.ID, Addr: l.peer.Addr}, Gone: reachable && there == nil})
	}
	t.tryLater(l, leastRedial, mostRedial)
}

// lose ends a connection, and connects again.
func (t *transport) lose(l *link) {
	l.to = nil
	t.tryLater(l, 0, 5*time.Millisecond)
}

// watch notices, sooner or later, that the other end of a link is gone: when its system
// says so, or when another process there does not know the connection.
func (t *transport) watch(l *link, gone *transport, quietly bool) {
	least, most := 100*time.Microsecond, 3*time.Millisecond
	if quietly || t.w.network.severed(t.addr, gone.addr) {
		least, most = leastRedial, mostRedial
	}
	t.w.after(t.w.draw.between(least, most), func() {
		n := &t.w.network
		switch {
		case t.closed || !l.held || l.to != gone:
		case n.severed(t.addr, gone.addr), quietly && n.at(gone.addr) == nil:
			t.watch(l, gone, quietly)
		default:
			t.lose(l)
		}
	})
}

// Send implements host.Transport.
func (t *transport) Send(peer wire.Peer, m *wire.Message) {
	if t.closed {
		return
	}
	t.w.judge.said(m)
	t.w.judge.told(m)
	n, on := &t.w.network, wire.LaneOf(m.Kind)
	to := n.at(peer.Addr)
	if l := t.link(peer.ID); l != nil && peer.ID != 0 {
		to = l.to
	} else if to == nil || n.severed(t.addr, to.addr) || !t.greet(to, peer, on) {
		return
	}
	if to == nil || to.closed || to.waiting > 0 && to.waiting+m.Size() > maxWaiting {
		return
	}
	var f fate
	if n.meddle != nil {
		f = n.meddle(t, to, m)
	}
	if f.drop {
		t.w.count("message-dropped")
		return
	}
	n.launch(flight{late: f.late, from: t, to: to, card: t.card, lane: on, payload: m.Append(make([]byte, 0, m.Size()))})
}

// Drain implements host.Transport.
func (t *transport) Drain(into []wire.Arrival) []wire.Arrival {
	into = append(into, t.inbox...)
	clear(t.inbox)
	t.inbox = t.inbox[:0]
	return into
}

// greet is the handshake, in one step. A refusal is reported to both ends, once until it
// changes; one that passes by itself is not.
func (t *transport) greet(there *transport, peer wire.Peer, on wire.Lane) bool {
	if t.card.ID == 0 || there.card.ID == 0 {
		return false
	}
	_, refusal := wire.NewHello(t.card, on, peer.ID).Answer(there.card, 0, 0)
	if refusal == nil {
		delete(t.refused, there.addr)
		return true
	}
	if !refusal.Early && !refusal.Itself() {
		there.refuse(t.card, refusal)
		t.refuse(wire.Card{ID: peer.ID, Addr: peer.Addr}, refusal.Refusal().HandshakeError())
	}
	return false
}

func (t *transport) refuse(card wire.Card, err *wire.HandshakeError) {
	if t.refused[card.Addr] == err.Error() {
		return
	}
	if t.refused == nil {
		t.refused = map[string]string{}
	}
	t.refused[card.Addr] = err.Error()
	t.arrive(wire.Arrival{Kind: wire.ArrivedRefusal, Card: card, Err: err})
}

// receive takes a message that has landed.
func (t *transport) receive(f flight) {
	m, err := wire.DecodeMessage(f.payload)
	if err == nil {
		if bad := wire.CheckManners(&m, f.card, f.lane); bad != nil {
			err = bad
		}
	}
	if err != nil {
		broken("%s sends what cannot be read: %v", f.card, err)
	}
	t.w.trace.message(t.addr, &m)
	t.arrive(wire.Arrival{Kind: wire.ArrivedMessage, Card: f.card, Message: m})
}

func (t *transport) arrive(a wire.Arrival) {
	if !t.closed {
		t.inbox = append(t.inbox, a)
		t.wake()
	}
}

// close ends the process as far as the network knows.
func (t *transport) close(quietly bool) {
	t.closed, t.links, t.inbox = true, nil, nil
	t.w.network.died(t, quietly)
}
