package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Network carries messages between the transports that listen on it. Its methods may
// be called from any goroutine.
type Network struct {
	mu         sync.Mutex
	rand       *rand.Rand
	weather    Weather
	cut        map[route]bool
	transports []*Transport // open ones, in the order in which they began to listen
	flights    flights
	handles    int // how many addresses were made up
}

// route is one direction between two addresses.
type route struct{ from, to string }

// Weather is what happens to messages under way. The zero Weather is perfect.
type Weather struct {
	// MinDelay and MaxDelay bound how long a message takes, drawn for each.
	MinDelay, MaxDelay time.Duration
	// Loss, Duplicate and Reorder are the shares of messages, from 0 to 1, that are
	// lost, arrive twice, or are overtaken by later ones. The others of one sender to
	// one receiver arrive in order, whatever their delay.
	Loss, Duplicate, Reorder float64
}

// NewNetwork makes a network without trouble. All its chance comes from seed.
func NewNetwork(seed uint64) *Network {
	return &Network{rand: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)), cut: map[route]bool{}}
}

// Listen opens a transport at an address, which is any text. With "" the network
// chooses one. An address is free again when its transport was closed.
func (n *Network) Listen(addr string) (*Transport, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr == "" {
		n.handles++
		if made := fmt.Sprintf("memory-%d", n.handles); n.at(made) == nil {
			addr = made
		}
	}
	if n.at(addr) != nil {
		return nil, fmt.Errorf("listen at %s: address already in use on this network; close the transport there first", addr)
	}
	t := &Transport{network: n, addr: addr, wake: make(chan struct{}, 1)}
	n.transports = append(n.transports, t)
	return t, nil
}

// at is the transport that listens at an address, nil if none does.
func (n *Network) at(addr string) *Transport {
	i := slices.IndexFunc(n.transports, func(t *Transport) bool { return t.addr == addr })
	if i < 0 {
		return nil
	}
	return n.transports[i]
}

// SetWeather changes what happens to messages that are sent from now on.
func (n *Network) SetWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// Cut drops, silently, all that goes from one address to the others until Heal. Nobody
// is told: a connection looks alive to both ends, as behind a broken cable.
func (n *Network) Cut(from string, to ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, addr := range to {
		n.cut[route{from, addr}] = true
	}
}

// Partition cuts both ways between addresses of different sides. Addresses of one side
// reach each other; one that is on no side is not touched.
func (n *Network) Partition(sides ...[]string) {
	for i, side := range sides {
		for j, other := range sides {
			if i == j {
				continue
			}
			for _, addr := range side {
				n.Cut(addr, other...)
			}
		}
	}
}

// Heal takes back all cuts.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	n.settle()
}

// HealRoute takes back one cut, in one direction.
func (n *Network) HealRoute(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, route{from, to})
	n.settle()
}

// Break ends the connections between two addresses, as a restarted switch does: what
// was under way is lost, and both connect again at once unless they are cut off.
func (n *Network) Break(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.transports {
		for _, l := range t.links {
			if l.to == nil || !(t.addr == a && l.to.addr == b || t.addr == b && l.to.addr == a) {
				continue
			}
			n.flights.drop(t, l.to)
			if n.severed(a, b) {
				t.down(l, false)
			}
			l.to = nil
		}
	}
	n.settle()
}

// severed says whether a connection between two addresses cannot be made, or its end
// not be noticed.
func (n *Network) severed(a, b string) bool { return n.cut[route{a, b}] || n.cut[route{b, a}] }

// settle brings all connections in line with who is there and who can be reached. It
// is called after each change of these, so that nobody has to try again and again.
func (n *Network) settle() {
	for _, t := range n.transports {
		for _, l := range t.links {
			t.settle(l)
		}
	}
}
