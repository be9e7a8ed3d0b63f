package balsa

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

const proposing = "propose"

// Propose replicates a command and returns what Apply returned for it, once a majority
// has it on disk and this member has applied it. Any goroutine may call it, on any
// member. However often the library has to send the command, it is applied once.
//
// It waits as long as ctx lets it. Errors, besides those of ctx: ErrNotCommitted, with
// ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrSessionExpired, ErrNoSpace or ErrClosed
// under it where they are the reason; ErrUnknown if the command had left this member
// when ctx or the node ended.
func (n *Node[S, C, R]) Propose(ctx context.Context, command C) (R, error) {
	var none R
	c, err := n.submit(ctx, command)
	if err != nil {
		return none, err
	}
	return n.await(ctx, c)
}

// ProposeAll proposes commands one after the other without waiting for the one before,
// and yields their results in order. It stops at the first error, or when the loop
// does; commands that were sent by then may still be applied.
func (n *Node[S, C, R]) ProposeAll(ctx context.Context, commands iter.Seq[C]) iter.Seq2[R, error] {
	const window = 1024 // enough for several batches on the way
	return func(yield func(R, error) bool) {
		var sent []*call[R]
		defer func() {
			for _, c := range sent {
				n.abandon(c)
			}
		}()
		answer := func() bool {
			c := sent[0]
			sent = sent[1:]
			r, err := n.await(ctx, c)
			return yield(r, err) && err == nil
		}
		for command := range commands {
			c, err := n.submit(ctx, command)
			if err != nil {
				for len(sent) > 0 {
					if !answer() {
						return
					}
				}
				var none R
				yield(none, err)
				return
			}
			sent = append(sent, c)
			if len(sent) >= window && !answer() {
				return
			}
		}
		for len(sent) > 0 {
			if !answer() {
				return
			}
		}
	}
}

// submit encodes a command and puts it where the loop takes it from.
func (n *Node[S, C, R]) submit(ctx context.Context, command C) (*call[R], error) {
	return n.submitAs(ctx, proposal{kind: wire.KindCommand}, command)
}

// submitAs is submit for a proposal that lacks nothing but the command.
func (n *Node[S, C, R]) submitAs(ctx context.Context, p proposal, command C) (*call[R], error) {
	scratch := n.scratch.Get().(*[]byte)
	defer n.scratch.Put(scratch)
	data, err := n.machine.commands.Append((*scratch)[:0], command)
	if err != nil {
		return nil, outcome(proposing, true, err)
	}
	if n.machine.commands.Check != nil {
		if err := n.machine.commands.Check(data); err != nil {
			return nil, outcome(proposing, true, err)
		}
	}
	*scratch = data
	if len(data) > n.cfg.MaxCommand {
		*scratch = nil
		return nil, outcome(proposing, true, &TooLargeError{len(data), n.cfg.MaxCommand})
	}
	p.body = data
	return n.hand(ctx, p)
}

// hand puts a proposal where the loop takes it from.
func (n *Node[S, C, R]) hand(ctx context.Context, p proposal) (*call[R], error) {
	c, wake, err := n.calls.submit(ctx, p)
	if wake {
		n.mail.wakeUp()
	}
	return c, err
}

// await waits for the answer. If ctx ends first it asks the loop to withdraw the
// command, which knows whether it has left, and waits for that answer instead.
func (n *Node[S, C, R]) await(ctx context.Context, c *call[R]) (R, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		n.mail.withdraw(c.seq, context.Cause(ctx))
		<-c.done
	}
	result, err := c.result, c.err
	n.calls.release(c)
	return result, err
}

// abandon withdraws a command whose answer nobody waits for any more.
func (n *Node[S, C, R]) abandon(c *call[R]) {
	n.mail.withdraw(c.seq, context.Canceled)
	<-c.done
	n.calls.release(c)
}

const (
	// maxChunk is up to how many bytes proposals are gathered into one batch.
	maxChunk = 1 << 20
	// maxWaiting bounds the proposals of one member that are not answered, well below
	// what a session remembers; maxWaitingBytes bounds their bytes.
	maxWaiting      = session.MaxWindow / 2
	maxWaitingBytes = 64 << 20
	// maxHead is the most bytes between envelope and body: those of a relayed command.
	maxHead = 1 + session.MaxEnvelope
)

// calls are the proposals of this node that are not answered. Callers put them in on
// one side, gathered into chunks that are ready for the log; the state machine's
// results come in on the other. Any goroutine may use it.
//
// A proposal costs its caller one lock to hand in, and its answer one wake: no
// goroutine, timer or channel is made for it.
type calls[R any] struct {
	mu     sync.Mutex
	first  uint64     // lowest unanswered number
	next   uint64     // number of the next proposal
	ring   []*call[R] // number n has ring[n % len(ring)]
	bytes  int        // of unanswered proposals
	chunks []host.Chunk
	closed error         // why no more are taken
	room   chan struct{} // closed when there is room again; nil while nobody waits
	pool   sync.Pool
}

// call is one proposal that somebody waits for.
type call[R any] struct {
	seq    uint64
	size   int
	done   chan struct{} // holds one token once result and err are set
	result R
	err    error
}

func newCalls[R any]() *calls[R] {
	return &calls[R]{
		first: 1, next: 1, ring: make([]*call[R], 64),
		pool: sync.Pool{New: func() any { return &call[R]{done: make(chan struct{}, 1)} }},
	}
}

// proposal is what goes into an entry behind this member's envelope.
type proposal struct {
	kind wire.EntryKind
	head []byte // before the body; at most maxHead bytes
	body []byte
}

// submit numbers a proposal and adds it to what goes to the log next. While too much
// is unanswered it waits. wake is true for the first one of a chunk.
func (c *calls[R]) submit(ctx context.Context, p proposal) (made *call[R], wake bool, err error) {
	for {
		made, wake, room, err := c.tryAdd(p)
		if room == nil {
			return made, wake, err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return nil, false, outcome(proposing, true, ErrOverloaded, ctx.Err())
		}
	}
}

// tryAdd adds a proposal, or returns what is closed when there is room for it.
func (c *calls[R]) tryAdd(p proposal) (made *call[R], wake bool, room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != nil:
		return nil, false, nil, outcome(proposing, true, c.closed)
	case c.next-c.first < maxWaiting && c.bytes+len(p.body) <= maxWaitingBytes || c.next == c.first:
		made, wake = c.add(p)
		return made, wake, nil, nil
	case c.room == nil:
		c.room = make(chan struct{})
	}
	return nil, false, c.room, nil
}

func (c *calls[R]) add(p proposal) (*call[R], bool) {
	made := c.pool.Get().(*call[R])
	made.seq, made.size = c.next, len(p.body)
	if c.next-c.first >= uint64(len(c.ring)) {
		c.grow()
	}
	c.ring[made.seq%uint64(len(c.ring))] = made
	c.next++
	c.bytes += made.size
	wake := len(c.chunks) == 0
	c.gather(made.seq, p)
	return made, wake
}

func (c *calls[R]) grow() {
	ring := make([]*call[R], 2*len(c.ring))
	for _, waiting := range c.ring {
		if waiting != nil {
			ring[waiting.seq%uint64(len(ring))] = waiting
		}
	}
	c.ring = ring
}

// gather encodes the proposal behind its envelope, straight into the batch in which it
// will go to the log, the wire and the followers.
func (c *calls[R]) gather(seq uint64, p proposal) {
	last := len(c.chunks) - 1
	if last < 0 || len(c.chunks[last].Body)+len(p.body) > maxChunk {
		c.chunks = append(c.chunks, host.Chunk{Body: wire.NewBody(max(512, len(p.body)+2*session.MaxEnvelope+64)), First: seq})
		last++
	}
	chunk := &c.chunks[last]
	var room [session.MaxEnvelope + maxHead]byte
	envelope := session.Envelope{Seq: seq, Low: c.first}.Append(room[:0])
	chunk.Body = wire.AppendEntryParts(chunk.Body, p.kind, append(envelope, p.head...), p.body)
	chunk.Count++
}

// take hands over what was gathered.
func (c *calls[R]) take(into []host.Chunk) []host.Chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	into = append(into, c.chunks...)
	clear(c.chunks)
	c.chunks = c.chunks[:0]
	return into
}

// finish answers one call, if it still waits.
func (c *calls[R]) finish(seq uint64, result R, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer(seq, result, err)
	c.advance()
}

// finishGroup answers those of a group of commands that are of own sessions.
func (c *calls[R]) finishGroup(own map[session.ID]bool, envelopes []session.Envelope, results []R) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last session.ID
	mine := false
	for i, e := range envelopes {
		if e.Session != last {
			last, mine = e.Session, own[e.Session]
		}
		if mine {
			c.answer(e.Seq, results[i], nil)
		}
	}
	c.advance()
}

// finishSent fails one call, unless it is still to be handed over.
func (c *calls[R]) finishSent(seq uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.chunks) > 0 && seq >= c.chunks[0].First {
		return
	}
	var none R
	c.answer(seq, none, err)
	c.advance()
}

func (c *calls[R]) answer(seq uint64, result R, err error) {
	if seq < c.first || seq >= c.next {
		return
	}
	place := &c.ring[seq%uint64(len(c.ring))]
	if *place == nil {
		return
	}
	answered := *place
	*place = nil
	c.bytes -= answered.size
	answered.result, answered.err = result, err
	answered.done <- struct{}{}
}

// advance moves first past what is answered, and lets in who waits for room.
func (c *calls[R]) advance() {
	for c.first < c.next && c.ring[c.first%uint64(len(c.ring))] == nil {
		c.first++
	}
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// low is the lowest unanswered number.
func (c *calls[R]) low() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// waiting lists the unanswered numbers, in order.
func (c *calls[R]) waiting() (numbers []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.ring {
		if w != nil {
			numbers = append(numbers, w.seq)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// close lets no more in.
func (c *calls[R]) close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = reason
	}
	c.advance()
}

// drained is nil if nothing is unanswered, else a channel that is closed when
// something was answered.
func (c *calls[R]) drained() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == c.next {
		return nil
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	return c.room
}

// release gives a call that was answered back for reuse.
func (c *calls[R]) release(done *call[R]) {
	var none R
	done.result, done.err = none, nil
	c.pool.Put(done)
}
