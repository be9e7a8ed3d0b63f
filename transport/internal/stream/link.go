package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// link is the way to one peer for one lane: a queue, and a goroutine that dials and
// writes. The link that Connect asked for is held: it dials for as long as the
// hub lives, and reports Up and Down. Others are made by Send and end when
// dialling fails or nothing was sent for a while.
type link struct {
	h     *Hub
	key   linkKey
	queue *queue
	kick  chan struct{} // holds a token when there is a reason to dial now
	stop  context.CancelFunc

	mu    sync.Mutex // also orders what is reported
	peer  wire.Peer
	held  bool
	up    bool
	card  wire.Card // of who answered last
	early time.Time // since when the handshake fails for a reason that may pass
}

const (
	// lingerIntroduction and linger are how long a link that is not held stays
	// without anything to send.
	lingerIntroduction = 3 * time.Second
	linger             = 15 * time.Second
	// patience is how long a refusal that may pass by itself is not reported.
	patience = 3 * time.Second
)

var errIdle = errors.New("nothing was sent for a while")

// hold makes the link one that is kept up, to a peer that may have moved.
func (l *link) hold(p wire.Peer) {
	l.moved(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held && l.up {
		l.h.inbox.tell(wire.Arrival{Kind: wire.ArrivedUp, Card: l.card})
	}
	l.held = true
}

// moved notes where the peer is now.
func (l *link) moved(p wire.Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer.Addr == p.Addr {
		return
	}
	l.peer = p
	l.hurryLocked()
}

// release ends the link; nothing about it is reported any more.
func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	l.stop()
}

// hurry ends the pause before the next dial.
func (l *link) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hurryLocked()
}

func (l *link) hurryLocked() {
	if l.up {
		return
	}
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *link) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *link) target() wire.Peer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peer
}

// run dials, writes until the connection breaks, and dials again.
func (l *link) run(ctx context.Context) {
	defer l.h.running.Done()
	defer l.h.ended(l)
	defer l.queue.admit(false)
	defer l.stop()
	var pace pace
	for pace.wait(ctx, l.kick) {
		l.queue.admit(true)
		peer := l.target()
		conn, err := l.h.dial(ctx, peer, l.key.lane)
		if err == nil {
			pace.connected()
			l.reportUp(conn.card)
			err = l.carry(ctx, conn)
			pace.broken()
			l.lost(err)
			if err == errIdle {
				return
			}
			continue
		}
		if ctx.Err() != nil || pace.mayBeDying(l.h.brokeOff(err)) {
			continue
		}
		l.queue.admit(false)
		l.failed(peer, err)
		if !l.isHeld() {
			return
		}
	}
}

// carry writes what is queued until the connection breaks, or nobody needs it.
func (l *link) carry(ctx context.Context, c *outgoing) error {
	broken := make(chan error, 1)
	l.h.running.Go(func() { broken <- c.watch() })
	defer closeAtEnd(ctx, c)()
	defer c.Close()
	stay := linger
	if l.key.lane == wire.LaneIntroduction {
		stay = lingerIntroduction
	}
	idle := time.NewTimer(stay)
	defer idle.Stop()
	busy := false
	var b burst
	for {
		for l.queue.take(&b) {
			busy = true
			b.seal(l.h.opts.Group)
			size := b.size() // before a write that eats the buffers up
			err := c.Write(b.buffers)
			l.queue.written(&b)
			l.h.traffic.of(l.key.id).wrote(size)
			if err != nil {
				return lastWords(broken, err)
			}
		}
		select {
		case <-l.queue.ready:
		case err := <-broken:
			return err
		case <-idle.C:
			if !busy && !l.isHeld() {
				return errIdle
			}
			busy = false
			idle.Reset(stay)
		}
	}
}

// lastWords is why the other end hung up, if it said so before a write failed.
func lastWords(broken <-chan error, err error) error {
	select {
	case reason := <-broken:
		return reason
	case <-time.After(100 * time.Millisecond):
		return err
	}
}

func (l *link) reportUp(card wire.Card) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.card, l.early = true, card, time.Time{}
	l.h.quiet.over(unreachable(l.peer))
	if l.held {
		l.h.inbox.tell(wire.Arrival{Kind: wire.ArrivedUp, Card: card})
	}
}

// lost notes why a connection broke. Whether the link is down is decided by dialling
// again.
func (l *link) lost(err error) {
	var refusal *wire.HandshakeError
	peer := l.target()
	if errors.As(err, &refusal) {
		l.h.refused(wire.Card{ID: peer.ID, Addr: peer.Addr}, refusal)
	}
	l.h.opts.Logger.Debug("a connection ended", "peer", peer.ID, "address", peer.Addr, "lane", l.key.lane, "error", err)
}

// failed reports that dialling failed: that the link is down, if it was up, and why.
func (l *link) failed(peer wire.Peer, err error) {
	l.mu.Lock()
	if l.up && l.held {
		l.h.inbox.tell(wire.Arrival{Kind: wire.ArrivedDown, Card: l.card, Gone: l.h.carrier.Gone(err)})
	}
	l.up = false
	held := l.held
	l.mu.Unlock()
	var refusal *wire.HandshakeError
	if errors.As(err, &refusal) {
		l.failedHandshake(peer, refusal)
		return
	}
	often, tell := l.h.quiet.ask(unreachable(peer))
	switch log := l.h.opts.Logger; {
	case tell && held && l.h.carrier.Left(err):
		log.Info("a member has left, and may come back", "peer", peer.ID, "address", peer.Addr, "repeated", often)
	case tell && held:
		log.Warn("cannot reach a member, and goes on trying", "peer", peer.ID, "address", peer.Addr, "error", err, "repeated", often)
	default:
		l.h.opts.Logger.Debug("cannot reach", "peer", peer.ID, "address", peer.Addr, "lane", l.key.lane, "error", err)
	}
}

// unreachable names a trouble to be quiet about.
func unreachable(p wire.Peer) string { return "dial " + p.Addr }

func (l *link) failedHandshake(peer wire.Peer, refusal *wire.HandshakeError) {
	if l.key.lane == wire.LaneIntroduction && refusal.Itself() {
		return // all members may be given the same list of addresses
	}
	if refusal.Early && l.stillEarly() {
		return
	}
	l.h.refused(wire.Card{ID: peer.ID, Addr: peer.Addr}, refusal)
}

// stillEarly says whether to wait for a refusal to pass by itself.
func (l *link) stillEarly() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.early.IsZero() {
		l.early = time.Now()
	}
	return time.Since(l.early) < patience
}

// pace says when to dial: at once when a connection breaks, then after growing pauses
// with jitter. A peer that accepts and breaks again and again counts as one that does
// not accept: the pause after a connection that did not last grows, too.
type pace struct {
	pause    time.Duration // before the next dial
	grown    time.Duration // the last pause that grew
	since    time.Time     // the last connection was made
	unsteady time.Duration // the pause after the next connection that does not last
	quick    int           // how many quick attempts are left
}

const (
	leastPause = 20 * time.Millisecond
	mostPause  = time.Second
	// steady is how long a connection lasts at least that is worth another one at once. A
	// member that dies soon after it came back is to be missed as soon as any other.
	steady = 50 * time.Millisecond
	// A process that is killed closes its sockets one after the other. If the
	// listener is not the first of them, it takes a connection and then breaks it: try
	// again soon, a few times, to learn whether it is gone.
	quickAttempts = 4
	quickPause    = 5 * time.Millisecond
)

// wait waits for the next dial. It says false at the end.
func (p *pace) wait(ctx context.Context, kick <-chan struct{}) bool {
	pause := p.pause
	p.grow()
	if pause == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-kick:
		p.grown = 0
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

func (p *pace) grow() {
	p.grown = min(max(leastPause, 2*p.grown), mostPause)
	p.pause = p.grown/2 + rand.N(p.grown/2)
}

func (p *pace) connected() { p.since, p.quick = time.Now(), quickAttempts }

// broken plans what follows a connection that has ended.
func (p *pace) broken() {
	if time.Since(p.since) >= steady {
		p.unsteady = 0
	}
	p.pause, p.grown = p.unsteady, p.unsteady
	p.unsteady = min(max(leastPause, 2*p.unsteady), mostPause)
}

// mayBeDying says whether the peer broke off in a way that a dying process does, and
// plans to look again soon.
func (p *pace) mayBeDying(brokeOff bool) bool {
	if p.quick == 0 || !brokeOff {
		return false
	}
	p.quick--
	p.pause = quickPause
	return true
}
