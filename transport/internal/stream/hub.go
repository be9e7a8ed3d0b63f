package stream

import (
	"context"
	"log/slog"
	"sync"

	"github.com/balsaraft/balsa/wire"
)

// Hub is one process's end of all connections. Its methods may be called from any
// goroutine; none but Serve and Close waits.
type Hub struct {
	opts    Options
	carrier Carrier
	inbox   *inbox
	guests  guests
	quiet   quiet
	traffic traffic

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

// New makes a hub, which dials nobody before Introduce and Connect. Close it when it is
// not needed any more. An error says which of the options is not good.
func New(carrier Carrier, opts Options) (*Hub, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Hub{
		opts: opts, carrier: carrier, inbox: newInbox(opts.InboxBytes),
		guests: newGuests(opts.MaxPending, opts.MaxConnections), links: map[linkKey]*link{},
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Done is closed when the hub is.
func (h *Hub) Done() <-chan struct{} { return h.ctx.Done() }

// Closed says whether the hub is closed, or just being closed.
func (h *Hub) Closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Wake is readable when Drain has something that OnMessage's function was not told.
func (h *Hub) Wake() <-chan struct{} { return h.inbox.wake }

// OnMessage says what to call when a message has come, in the goroutine that has read it. It
// may use the hub, though not close it.
func (h *Hub) OnMessage(f func()) {
	h.inbox.mu.Lock()
	defer h.inbox.mu.Unlock()
	h.inbox.onMessage = f
}

// Drain appends what has arrived, in order for each connection.
func (h *Hub) Drain(into []wire.Arrival) []wire.Arrival { return h.inbox.drain(into) }

// Introduce says who this process is. Before it nobody is dialled, and nobody who
// dials gets an answer. Once the cluster becomes known, links that were refused for
// want of it try again at once.
func (h *Hub) Introduce(card wire.Card) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := h.card != card
	h.card = card
	for key, l := range h.links {
		switch {
		case !changed:
		case key.id == 0:
			h.let(key, l) // it introduced who we were
		default:
			l.hurry()
		}
	}
}

func (h *Hub) own() wire.Card {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.card
}

// Connect says which members to hold connections to; others are let go.
func (h *Hub) Connect(peers []wire.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wanted := map[wire.MemberID]bool{}
	for _, p := range peers {
		wanted[p.ID] = true
	}
	h.traffic.keep(wanted)
	for _, p := range peers {
		l := h.link(p, wire.LaneMessages)
		if l == nil {
			return // closed
		}
		l.hold(p)
		if bulk := h.links[keyOf(p, wire.LaneBulk)]; bulk != nil {
			bulk.moved(p)
		}
	}
	for key, l := range h.links {
		if key.id != 0 && !wanted[key.id] && (key.lane == wire.LaneBulk || l.isHeld()) {
			h.let(key, l)
		}
	}
}

// Send queues a message for a member, or with no ID for whoever is at the address. It
// is dropped if the queue is full, or if nobody can be reached there now. To a member
// that Connect did not name it goes over a connection that is made for it and kept
// while there is more.
func (h *Hub) Send(to wire.Peer, m *wire.Message) {
	if size := m.Size(); size > h.opts.MaxMessage {
		h.Complain(slog.LevelError, "too large", "a message is larger than Options.MaxMessage and was dropped",
			"kind", m.Kind, "peer", to.ID, "bytes", size, "limit", h.opts.MaxMessage)
		return
	}
	h.mu.Lock()
	l := h.links[keyOf(to, wire.LaneOf(m.Kind))]
	if l == nil && to.Addr != "" {
		l = h.link(to, wire.LaneOf(m.Kind))
	}
	h.mu.Unlock()
	if l == nil || !l.queue.put(m) {
		h.traffic.of(to.ID).lost()
	}
}

// link finds a link or starts it. It is nil once the hub is closed.
func (h *Hub) link(p wire.Peer, lane wire.Lane) *link {
	key := keyOf(p, lane)
	if l := h.links[key]; l != nil || h.closed {
		return l
	}
	ctx, stop := context.WithCancel(h.ctx)
	l := &link{h: h, key: key, peer: p, stop: stop, queue: newQueue(h.opts.QueueBytes), kick: make(chan struct{}, 1)}
	l.queue.admit(true)
	h.links[key] = l
	h.running.Add(1)
	go l.run(ctx)
	return l
}

// let lets a link go, without a word about it.
func (h *Hub) let(key linkKey, l *link) {
	l.release()
	delete(h.links, key)
}

// ended forgets a link that has ended by itself.
func (h *Hub) ended(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.links[l.key] == l {
		delete(h.links, l.key)
	}
}

// seen hurries the link to a member that has just connected to us: it is there.
func (h *Hub) seen(id wire.MemberID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.links[linkKey{id: id, lane: wire.LaneMessages}]; l != nil {
		l.hurry()
	}
}

// refused reports that a handshake failed, unless that was said a moment ago.
func (h *Hub) refused(card wire.Card, err *wire.HandshakeError) {
	h.opts.Logger.Debug("a handshake failed", "address", card.Addr, "peer", card.ID, "dialled", err.Dialled, "error", err)
	if _, tell := h.quiet.ask("refusal " + card.Addr + " " + err.Error()); tell {
		h.inbox.tell(wire.Arrival{Kind: wire.ArrivedRefusal, Card: card, Err: err})
	}
}

// Here says that somebody has come to an address: who waits before dialling it again need
// not wait any longer.
func (h *Hub) Here(addr string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.links {
		if l.target().Addr == addr {
			l.hurry()
		}
	}
}

// Complain tells the log of a trouble, unless that was said a moment ago.
func (h *Hub) Complain(level slog.Level, trouble, what string, args ...any) {
	if held, tell := h.quiet.ask(trouble); tell {
		h.opts.Logger.Log(h.ctx, level, what, append(args, "repeated", held)...)
	}
}

// Go runs something that Close waits for. It says false if the hub is closed.
func (h *Hub) Go(f func()) bool {
	if !h.enter() {
		return false
	}
	go func() {
		defer h.running.Done()
		f()
	}()
	return true
}

// enter counts a goroutine that Close is to wait for. It says false if the hub is
// closed.
func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.running.Add(1)
	return true
}

// Close ends all connections and goroutines before it returns.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.guests.close()
	h.inbox.close()
	h.running.Wait()
}
