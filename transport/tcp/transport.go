package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/balsaraft/balsa/wire"
)

// Transport is one process's end. Its methods may be called from any goroutine; none
// but Close waits.
type Transport struct {
	opts     Options
	listener *net.TCPListener
	inbox    *inbox
	guests   guests
	quiet    quiet

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // all goroutines

	mu     sync.Mutex
	card   wire.Card // none before Introduce
	links  map[linkKey]*link
	closed bool
}

// linkKey says what a link is to: a member, or with ID 0 whoever is at an address.
type linkKey struct {
	id   wire.MemberID
	addr string // only with ID 0
	lane wire.Lane
}

func keyOf(p wire.Peer, lane wire.Lane) linkKey {
	if p.ID != 0 {
		return linkKey{id: p.ID, lane: lane}
	}
	return linkKey{addr: p.Addr, lane: lane}
}

// Listen opens a transport at an address, host and port as in package net; with "" at
// a free port of 127.0.0.1. Close it when it is not needed any more.
//
// Errors name the address: it is in use, nothing resolves it, or it is not this
// machine's; or the options are not good.
func Listen(addr string, opts Options) (*Transport, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", addr, err)
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	// Who is accepted sends to us: that it is still there is its own end's to find out,
	// but a machine that vanished must not hold a connection for ever.
	listening := net.ListenConfig{KeepAliveConfig: keepAlive}
	listener, err := listening.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	t := &Transport{
		opts: opts, listener: listener.(*net.TCPListener), inbox: newInbox(opts.InboxBytes),
		guests: newGuests(opts.MaxPending, opts.MaxConnections), links: map[linkKey]*link{},
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.running.Add(1)
	go t.accept()
	return t, nil
}

func listenError(addr string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen at %s: %w; stop the process that listens there, or choose another address", addr, err)
	case errors.As(err, &dns):
		return fmt.Errorf("listen at %s: nothing resolves this address: %w", addr, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen at %s: %w; listen at an address of this machine, and advertise the other", addr, err)
	}
	return fmt.Errorf("listen at %s: %w", addr, err)
}

// Addr is the address that the transport listens at.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

// Wake is readable when Drain has something.
func (t *Transport) Wake() <-chan struct{} { return t.inbox.wake }

// Drain appends what has arrived, in order for each connection.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival { return t.inbox.drain(into) }

// Introduce says who this process is. Before it nobody is dialled, and nobody who
// dials gets an answer. Once the cluster becomes known, links that were refused for
// want of it try again at once.
func (t *Transport) Introduce(card wire.Card) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := t.card != card
	t.card = card
	for key, l := range t.links {
		switch {
		case !changed:
		case key.id == 0:
			t.let(key, l) // it introduced who we were
		default:
			l.hurry()
		}
	}
}

func (t *Transport) own() wire.Card {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.card
}

// Connect says which members to hold connections to; others are let go.
func (t *Transport) Connect(peers []wire.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[wire.MemberID]bool{}
	for _, p := range peers {
		wanted[p.ID] = true
		l := t.link(p, wire.LaneMessages)
		if l == nil {
			return // closed
		}
		l.hold(p)
		if bulk := t.links[keyOf(p, wire.LaneBulk)]; bulk != nil {
			bulk.moved(p)
		}
	}
	for key, l := range t.links {
		if key.id != 0 && !wanted[key.id] && (key.lane == wire.LaneBulk || l.isHeld()) {
			t.let(key, l)
		}
	}
}

// Send queues a message for a member, or with no ID for whoever is at the address. It
// is dropped if the queue is full, or if nobody can be reached there now. To a member
// that Connect did not name it goes over a connection that is made for it and kept
// while there is more.
func (t *Transport) Send(to wire.Peer, m *wire.Message) {
	if size := m.Size(); size > t.opts.MaxMessage {
		if held, tell := t.quiet.ask("too large"); tell {
			t.opts.Logger.Error("a message is larger than Options.MaxMessage and was dropped",
				"kind", m.Kind, "to", to.ID, "bytes", size, "limit", t.opts.MaxMessage, "repeated", held)
		}
		return
	}
	t.mu.Lock()
	l := t.links[keyOf(to, wire.LaneOf(m.Kind))]
	if l == nil && to.Addr != "" {
		l = t.link(to, wire.LaneOf(m.Kind))
	}
	t.mu.Unlock()
	if l != nil {
		l.queue.put(m)
	}
}

// link finds a link or starts it. It is nil once the transport is closed.
func (t *Transport) link(p wire.Peer, lane wire.Lane) *link {
	key := keyOf(p, lane)
	if l := t.links[key]; l != nil || t.closed {
		return l
	}
	ctx, stop := context.WithCancel(t.ctx)
	l := &link{t: t, key: key, peer: p, stop: stop, queue: newQueue(t.opts.QueueBytes), kick: make(chan struct{}, 1)}
	l.queue.admit(true)
	t.links[key] = l
	t.running.Add(1)
	go l.run(ctx)
	return l
}

// let lets a link go, without a word about it.
func (t *Transport) let(key linkKey, l *link) {
	l.release()
	delete(t.links, key)
}

// ended forgets a link that has ended by itself.
func (t *Transport) ended(l *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.links[l.key] == l {
		delete(t.links, l.key)
	}
}

// seen hurries the link to a member that has just connected to us: it is there.
func (t *Transport) seen(id wire.MemberID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.links[linkKey{id: id, lane: wire.LaneMessages}]; l != nil {
		l.hurry()
	}
}

// refused reports that a handshake failed, unless that was said a moment ago.
func (t *Transport) refused(card wire.Card, err *wire.HandshakeError) {
	t.opts.Logger.Debug("a handshake failed", "address", card.Addr, "peer", card.ID, "dialled", err.Dialled, "error", err)
	if _, tell := t.quiet.ask("refusal " + card.Addr + " " + err.Error()); tell {
		t.inbox.tell(wire.Arrival{Kind: wire.ArrivedRefusal, Card: card, Err: err})
	}
}

// Close ends all connections and goroutines before it returns. The listener goes
// first: others that see their connection break and try again are refused, and so know
// at once that this process is not there any more.
func (t *Transport) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.running.Wait()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	err := t.listener.Close()
	t.cancel()
	t.guests.close()
	t.inbox.close()
	t.running.Wait()
	return err
}
