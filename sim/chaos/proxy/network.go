// Package proxy is a network between processes on one machine that can be cut, slowed
// and broken while they use it.
//
// Each member listens at an address that nobody is told and advertises one of a
// Network, which passes on what arrives. Who dialled is read from the first frame of
// the connection, so that each direction between each two members has a Rule of its
// own:
//
//	a ──► [a─►b: open ] ──► b
//	a ◄── [b─►a: cut  ] ◄── b
//
// What a cut holds back is not lost, since TCP loses nothing: it arrives when the cut
// is healed, as late as that is, unless the connection is broken meanwhile.
package proxy

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Rule is how one direction between two members is. The zero Rule is an open one.
type Rule struct {
	Cut    bool
	Delay  time.Duration
	Jitter time.Duration // added to Delay, by chance, without changing the order
}

// Route is a direction between two members, by their names.
type Route struct{ From, To string }

// Network is all connections between members. Any goroutine may use it.
type Network struct {
	mu        sync.Mutex
	rules     map[Route]Rule
	changed   chan struct{} // closed when the rules change
	listeners []net.Listener
	conns     map[*conn]bool
	closed    bool
	running   sync.WaitGroup
}

// New is a network without rules.
func New() *Network {
	return &Network{rules: map[Route]Rule{}, changed: make(chan struct{}), conns: map[*conn]bool{}}
}

// Open listens at addr and passes what arrives there to the member, which listens at
// target. It returns the address to advertise.
func (n *Network) Open(member, addr, target string) (string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen for member %s: %w", member, err)
	}
	n.mu.Lock()
	n.listeners = append(n.listeners, l)
	n.mu.Unlock()
	n.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			n.running.Go(func() { n.serve(c.(*net.TCPConn), member, target) })
		}
	})
	return l.Addr().String(), nil
}

// Set gives a direction a rule.
func (n *Network) Set(r Route, rule Rule) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules[r] = rule
	n.wakeLocked()
}

// Heal takes all rules away.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.rules)
	n.wakeLocked()
}

func (n *Network) wakeLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// Break resets the connections in the directions that match, with what is under way on
// them, and says how many.
func (n *Network) Break(matches func(Route) bool) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for c := range n.conns {
		if matches(c.route) {
			c.reset()
			count++
		}
	}
	return count
}

// Close ends all connections and waits until nothing of the network runs.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	for _, l := range n.listeners {
		l.Close()
	}
	for c := range n.conns {
		c.reset()
	}
	n.mu.Unlock()
	n.running.Wait()
}

// add takes a connection in, unless the network is closed.
func (n *Network) add(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.conns[c] = true
	}
	return !n.closed
}

// named notes who dialled.
func (n *Network) named(c *conn, from string) Route {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.route.From = from
	return c.route
}

func (n *Network) remove(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
}

// rule is that of a direction, and what is closed when it may have changed.
func (n *Network) rule(r Route) (Rule, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rules[r], n.changed
}
