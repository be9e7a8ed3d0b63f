package sabotage

import (
	"sync"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/wire"
)

// Network is a transport that can be cut, stopped and killed. Any goroutine may do so.
type Network struct {
	balsa.Transport
	mu      sync.Mutex
	off     map[string]bool // addresses that nothing goes to or comes from
	resumed chan struct{}   // closed when the member goes on; nil while it runs
	dead    bool
}

// NewNetwork passes all on to a transport.
func NewNetwork(t balsa.Transport) *Network { return &Network{Transport: t, off: map[string]bool{}} }

// Cut lets messages to and from the member that listens at an address get lost, as if a
// cable were out: connections stay, nothing comes through. Addresses, for a member that
// comes back may have another identity.
func (n *Network) Cut(addr string) { n.set(addr, true) }

// Join ends a Cut.
func (n *Network) Join(addr string) { n.set(addr, false) }

func (n *Network) set(addr string, off bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.off[addr] = off
}

// Pause lets the member stand still at its next turn, as a process does that was stopped
// or whose machine hangs: its connections stay. Resume lets it go on.
func (n *Network) Pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.resumed == nil {
		n.resumed = make(chan struct{})
	}
}

// Resume ends a Pause.
func (n *Network) Resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.resumed != nil {
		close(n.resumed)
		n.resumed = nil
	}
}

// Kill breaks all connections at once and lets nothing through any more, as when the
// process dies; a paused member goes on, but nobody hears of it. The member is to be
// closed next.
func (n *Network) Kill() error {
	n.Resume()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.close()
}

// Close implements balsa.Transport.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.close()
}

func (n *Network) close() error {
	if n.dead {
		return nil
	}
	n.dead = true
	return n.Transport.Close()
}

// Introduce implements balsa.Transport.
func (n *Network) Introduce(c wire.Card) { n.living(func() { n.Transport.Introduce(c) }) }

// Connect implements balsa.Transport.
func (n *Network) Connect(peers []wire.Peer) { n.living(func() { n.Transport.Connect(peers) }) }

// Send implements balsa.Transport. It loses what goes to a member that is cut off.
func (n *Network) Send(to wire.Peer, m *wire.Message) {
	n.living(func() {
		if !n.off[to.Addr] {
			n.Transport.Send(to, m)
		}
	})
}

// living does something with the transport, unless it was killed.
func (n *Network) living(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.dead {
		do()
	}
}

// Drain implements balsa.Transport. It waits while the member is paused, and loses the
// messages of members that are cut off.
func (n *Network) Drain(into []wire.Arrival) []wire.Arrival {
	n.standStill()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return into
	}
	old := len(into)
	into = n.Transport.Drain(into)
	kept := into[:old]
	for _, a := range into[old:] {
		if a.Kind != wire.ArrivedMessage || !n.off[a.Card.Addr] {
			kept = append(kept, a)
		}
	}
	return kept
}

func (n *Network) standStill() {
	n.mu.Lock()
	resumed := n.resumed
	n.mu.Unlock()
	if resumed != nil {
		<-resumed
	}
}

// Traffic implements balsa.TrafficCounter, if the transport does.
func (n *Network) Traffic() []wire.Traffic {
	if counts, ok := n.Transport.(balsa.TrafficCounter); ok {
		return counts.Traffic()
	}
	return nil
}
