package memory

import (
	"slices"

	"github.com/balsaraft/balsa/wire"
)

// A Transport is one process's end of a Network. Its methods may be called from any
// goroutine, and none of them waits.
type Transport struct {
	network *Network
	addr    string
	wake    chan struct{}

	// What follows is guarded by network.mu.
	card    wire.Card // none before Introduce
	links   []*link
	inbox   []wire.Arrival
	waiting int               // bytes of messages in inbox and under way to it
	refused map[string]string // what was last reported about an address
	closed  bool
}

// maxWaiting bounds the bytes that wait for a transport or are under way to it; what
// comes on top is dropped, as by a socket's full queue. A message that is larger goes
// alone.
const maxWaiting = 32 << 20

// link is the connection to a member, from this side.
type link struct {
	peer wire.Peer
	to   *Transport // nil while it is not connected
}

// greeting is what a message's sender said of itself when it connected.
type greeting struct {
	card wire.Card
	lane wire.Lane
}

// Addr is the address that the transport listens at.
func (t *Transport) Addr() string { return t.addr }

// Wake is readable when Drain has something.
func (t *Transport) Wake() <-chan struct{} { return t.wake }

// Introduce says who this process is. Before it, nothing reaches or leaves it.
func (t *Transport) Introduce(card wire.Card) {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	t.card = card
	t.network.settle()
}

// Connect says which members to hold connections to; others are let go, without a
// word.
func (t *Transport) Connect(peers []wire.Peer) {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	if t.closed {
		return
	}
	var links []*link
	for _, p := range peers {
		l := t.link(p.ID)
		if l == nil {
			l = &link{}
		}
		l.peer = p
		links = append(links, l)
	}
	t.links = links
	for _, l := range links {
		t.settle(l)
	}
}

func (t *Transport) link(id wire.MemberID) *link {
	i := slices.IndexFunc(t.links, func(l *link) bool { return l.peer.ID == id })
	if i < 0 {
		return nil
	}
	return t.links[i]
}

// Send sends a message to a member, or with no ID to whoever listens at the address.
// It is dropped if there is no way, or too much waits there already.
func (t *Transport) Send(peer wire.Peer, m *wire.Message) {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	to, lane := t.network.at(peer.Addr), wire.LaneOf(m.Kind)
	if l := t.link(peer.ID); l != nil && peer.ID != 0 {
		to = l.to
	} else if to == nil || t.network.severed(t.addr, to.addr) || !t.greet(to, peer, lane) {
		return
	}
	if t.closed || to == nil || to.waiting > 0 && to.waiting+m.Size() > maxWaiting {
		return
	}
	t.network.launch(flight{from: t, to: to, hello: greeting{t.card, lane}, payload: m.Append(make([]byte, 0, m.Size()))})
}

// Drain appends what has arrived.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival {
	t.network.mu.Lock()
	defer t.network.mu.Unlock()
	into = append(into, t.inbox...)
	clear(t.inbox)
	t.inbox = t.inbox[:0]
	t.waiting = t.network.flights.bytesTo(t)
	return into
}

// Close ends the process as far as the network knows: whoever is connected to it
// notices at once, unless it is cut off.
func (t *Transport) Close() error {
	n := t.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed, t.links = true, nil
	n.transports = slices.DeleteFunc(n.transports, func(o *Transport) bool { return o == t })
	n.flights.forget(t)
	n.settle()
	return nil
}

// settle connects a link if it can be, and notices that its other end is gone.
func (t *Transport) settle(l *link) {
	n, addr := t.network, l.peer.Addr
	if l.to != nil {
		addr = l.to.addr
	}
	if t.card.ID == 0 || n.severed(t.addr, addr) {
		return
	}
	if l.to != nil && l.to.closed {
		if n.at(addr) == nil {
			t.down(l, true)
		}
		l.to = nil
	}
	there := n.at(l.peer.Addr)
	if l.to != nil || there == nil || n.severed(t.addr, there.addr) || !t.greet(there, l.peer, wire.LaneMessages) {
		return
	}
	l.to = there
	t.arrive(wire.Arrival{Kind: wire.ArrivedUp, Card: there.card})
	there.arrive(wire.Arrival{Kind: wire.ArrivedGuest, Card: t.card})
}

func (t *Transport) down(l *link, gone bool) {
	t.arrive(wire.Arrival{Kind: wire.ArrivedDown, Card: wire.Card{ID: l.peer.ID, Addr: l.peer.Addr}, Gone: gone})
}

// greet is the handshake, in one step. A refusal is reported once to both ends until
// it changes; one that passes by itself is not, because it is tried again on every
// change.
func (t *Transport) greet(there *Transport, peer wire.Peer, lane wire.Lane) bool {
	if t.card.ID == 0 || there.card.ID == 0 {
		return false
	}
	hello := wire.NewHello(t.card, lane, peer.ID)
	_, refusal := hello.Answer(there.card, 0, 0)
	if refusal == nil {
		delete(t.refused, there.addr)
		return true
	}
	if refusal.Early || refusal.Itself() {
		return false
	}
	there.refuse(t.card, refusal)
	t.refuse(wire.Card{ID: peer.ID, Addr: peer.Addr}, refusal.Refusal().HandshakeError())
	return false
}

func (t *Transport) refuse(card wire.Card, err *wire.HandshakeError) {
	if t.refused[card.Addr] == err.Error() {
		return
	}
	if t.refused == nil {
		t.refused = map[string]string{}
	}
	t.refused[card.Addr] = err.Error()
	t.arrive(wire.Arrival{Kind: wire.ArrivedRefusal, Card: card, Err: err})
}

// receive takes a message that has landed. One that is malformed is the sender's bug,
// and reported as over a socket.
func (t *Transport) receive(f flight) {
	m, err := wire.DecodeMessage(f.payload)
	if err == nil {
		if bad := wire.CheckManners(&m, f.hello.card, f.hello.lane); bad != nil {
			err = bad
		}
	}
	if err != nil {
		t.arrive(wire.Arrival{Kind: wire.ArrivedRefusal, Card: f.hello.card, Err: err})
		return
	}
	t.arrive(wire.Arrival{Kind: wire.ArrivedMessage, Card: f.hello.card, Message: m})
}

func (t *Transport) arrive(a wire.Arrival) {
	if t.closed {
		return
	}
	t.inbox = append(t.inbox, a)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
