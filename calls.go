package balsa

import (
	"context"
	"sync"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

const (
	// maxChunk is up to how many bytes proposals are gathered into one batch, and up to how
	// many go to the log at once: while the disks write so much, processors apply and answer
	// what came before it. A batch with fullChunk or more has no others added for which its
	// memory would have to grow.
	maxChunk  = 512 << 10
	fullChunk = 64 << 10
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
	open   int        // how many are unanswered
	bytes  int        // of those
	chunks []host.Chunk
	expect int           // how many bytes the next chunk will have, by those before it
	away   int           // how many were answered and have not proposed again
	woken  []waking[R]   // memory for finishGroup
	told   uint64        // lower numbers are answered, or were told that they are late
	young  uint64        // this number and higher ones were given since age was called last
	closed error         // why no more are taken
	room   chan struct{} // closed when there is room again; nil while nobody waits
	pool   sync.Pool
	clock  func() time.Duration // nil if nobody asks when a chunk was begun
}

// call is one proposal that somebody waits for.
type call[R any] struct {
	seq    uint64
	size   int
	news   chan news // at most one of each kind, answered last
	result R
	err    error
}

// waking is a call that is answered with the result at a place of its group.
type waking[R any] struct {
	call *call[R]
	at   int
}

// news is what a caller hears of its call.
type news uint8

const (
	isLate     news = iota // the answer does not come soon: mind the context, too
	isAnswered             // result and err are set
)

// await waits for the answer. It says false if ctx has ended before, of which a caller
// hears once its answer is late: to wait for two things costs twice as much.
func (c *call[R]) await(ctx context.Context) bool {
	if <-c.news == isAnswered {
		return true
	}
	select {
	case <-c.news: // it was late, and is answered
		return true
	case <-ctx.Done():
		return false
	}
}

// awaitAnyhow waits for the answer alone.
func (c *call[R]) awaitAnyhow() {
	for <-c.news != isAnswered {
	}
}

func newCalls[R any]() *calls[R] {
	return &calls[R]{
		first: 1, next: 1, told: 1, young: 1, ring: make([]*call[R], 64),
		pool: sync.Pool{New: func() any { return &call[R]{news: make(chan news, 2)} }},
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
	made = c.pool.Get().(*call[R])
	for {
		wake, room, err := c.tryAdd(made, p)
		if err != nil {
			c.pool.Put(made)
			return nil, false, err
		}
		if room == nil {
			return made, wake, nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			c.pool.Put(made)
			return nil, false, outcome(proposing, true, ErrOverloaded, ctx.Err())
		}
	}
}

// tryAdd adds a proposal, or returns what is closed when there is room for it.
func (c *calls[R]) tryAdd(made *call[R], p proposal) (wake bool, room <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != nil:
		return false, nil, outcome(proposing, true, c.closed)
	case c.next-c.first < maxWaiting && c.bytes+len(p.body) <= maxWaitingBytes || c.next == c.first:
		return c.add(made, p), nil, nil
	case c.room == nil:
		c.room = make(chan struct{})
	}
	return false, c.room, nil
}

func (c *calls[R]) add(made *call[R], p proposal) (wake bool) {
	made.seq, made.size = c.next, len(p.body)
	if c.next-c.first >= uint64(len(c.ring)) {
		c.grow()
	}
	c.ring[made.seq%uint64(len(c.ring))] = made
	c.next++
	c.open++
	c.bytes += made.size
	wake = len(c.chunks) == 0
	c.gather(made.seq, p)
	return wake
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
	if last < 0 || c.full(c.chunks[last].Body, len(p.body)) {
		size := c.expect
		if last >= 0 {
			size /= 4 // that was for the first one, and this is for what came beyond
		}
		size = max(512, len(p.body)+2*session.MaxEnvelope+64, size)
		c.chunks = append(c.chunks, host.Chunk{Body: wire.NewBody(size), First: seq})
		last++
		if c.clock != nil {
			c.chunks[last].Made = c.clock()
		}
	}
	chunk := &c.chunks[last]
	var room [session.MaxEnvelope + maxHead]byte
	envelope := session.Envelope{Seq: seq, Low: c.first}.Append(room[:0])
	chunk.Body = wire.AppendEntryParts(chunk.Body, p.kind, append(envelope, p.head...), p.body)
	chunk.Count++
}

// full says whether the proposals to come begin another chunk than the one with this body.
func (c *calls[R]) full(body []byte, more int) bool {
	grown := len(body) + more + 2*session.MaxEnvelope
	return grown > maxChunk || grown > cap(body) && len(body) >= fullChunk
}

// take hands over what was gathered. A body has room for as much as was taken before,
// much and little in turn, lest it be copied again and again while it grows; one that
// needed much less does not take that room into the log's memory. It says whether more is
// left, which is so where that would be more than maxChunk.
func (c *calls[R]) take(into []host.Chunk) (chunks []host.Chunk, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken, n := 0, 0
	for n < len(c.chunks) && (n == 0 || taken+len(c.chunks[n].Body) <= maxChunk) {
		taken += len(c.chunks[n].Body)
		n++
	}
	c.expect = min(max(taken+taken/8, c.expect-c.expect/4), maxChunk)
	for _, chunk := range c.chunks[:n] {
		c.away = max(0, c.away-chunk.Count)
		if cap(chunk.Body) > 2*max(512, len(chunk.Body)) {
			chunk.Body = append(wire.NewBody(len(chunk.Body)), chunk.Body[wire.BatchHeaderSize:]...)
		}
		into = append(into, chunk)
	}
	left := copy(c.chunks, c.chunks[n:])
	clear(c.chunks[left:])
	c.chunks = c.chunks[:left]
	return into, left > 0
}

// gathered is how many proposals wait to be taken, and how many callers that were answered
// have not come back yet.
func (c *calls[R]) gathered() (waiting, away int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting = c.waitingToGo()
	return waiting, c.away - waiting
}

// anyWaiting says whether proposals wait to be taken.
func (c *calls[R]) anyWaiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.chunks) > 0
}

// count is how many proposals wait to be taken, and how many were taken and are not
// answered.
func (c *calls[R]) count() (waiting, flying int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting = c.waitingToGo()
	return waiting, c.open - waiting
}

func (c *calls[R]) waitingToGo() (n int) {
	for _, chunk := range c.chunks {
		n += chunk.Count
	}
	return n
}

// stayAway forgets who was answered and has not come back.
func (c *calls[R]) stayAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = 0
}

// finish answers one call, if it still waits.
func (c *calls[R]) finish(seq uint64, result R, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered := c.takeOut(seq); answered != nil {
		c.bytes -= answered.size
		answered.answer(result, err)
	}
	c.advance()
	c.admit()
}

// finishGroup answers those of a group of commands that are of own sessions. It is for the
// one goroutine that applies. The lock, for which callers come back at once, is not held
// while calls are touched, which lie all over the memory.
func (c *calls[R]) finishGroup(own map[session.ID]bool, envelopes []session.Envelope, results []R) {
	if c.takeOutGroup(own, envelopes); len(c.woken) == 0 {
		return
	}
	bytes := 0
	for _, w := range c.woken {
		bytes += w.call.size
		w.call.answer(results[w.at], nil)
	}
	clear(c.woken)
	c.woken = c.woken[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes -= bytes
	c.admit()
}

func (c *calls[R]) takeOutGroup(own map[session.ID]bool, envelopes []session.Envelope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last session.ID
	mine := false
	for i, e := range envelopes {
		if e.Session != last {
			last, mine = e.Session, own[e.Session]
		}
		if !mine {
			continue
		}
		if waiting := c.takeOut(e.Seq); waiting != nil {
			c.woken = append(c.woken, waking[R]{waiting, i})
		}
	}
	c.advance()
}

// answer wakes who waits for the call. After that the call may be another caller's already.
func (c *call[R]) answer(result R, err error) {
	c.result, c.err = result, err
	c.news <- isAnswered
}

// takeOut takes a call out that is to be answered now, nil if it was before. Its bytes
// count on.
func (c *calls[R]) takeOut(seq uint64) *call[R] {
	if seq < c.first || seq >= c.next {
		return nil
	}
	place := &c.ring[seq%uint64(len(c.ring))]
	waiting := *place
	if waiting != nil {
		*place = nil
		c.open--
		c.away++
	}
	return waiting
}

// advance moves first past what is answered.
func (c *calls[R]) advance() {
	for c.first < c.next && c.ring[c.first%uint64(len(c.ring))] == nil {
		c.first++
	}
}

// admit lets in who waits for room.
func (c *calls[R]) admit() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// age tells those calls that they are late which had been made already when it was called
// last, and says whether any others are unanswered.
func (c *calls[R]) age() (more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seq := max(c.told, c.first); seq < c.young; seq++ {
		if waiting := c.ring[seq%uint64(len(c.ring))]; waiting != nil {
			waiting.news <- isLate
		}
	}
	c.told, c.young = c.young, c.next
	return max(c.told, c.first) < c.next
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
	for seq := c.first; seq < c.next; seq++ {
		if c.ring[seq%uint64(len(c.ring))] != nil {
			numbers = append(numbers, seq)
		}
	}
	return numbers
}

// load is how many calls are not answered, and their bytes.
func (c *calls[R]) load() (n, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.bytes
}

// close lets no more in.
func (c *calls[R]) close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = reason
	}
	c.admit()
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
