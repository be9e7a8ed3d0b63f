package stream

import (
	"encoding/binary"
	"sync"

	"github.com/balsaraft/balsa/wire"
)

// queue holds the messages that wait for one connection. Any goroutine puts, one
// takes.
type queue struct {
	ready chan struct{} // holds a token while there is something
	limit int

	mu    sync.Mutex
	open  bool   // false while nobody would take anything
	bytes int    // waiting and being written
	next  burst  // what waits
	arena []byte // the heads of messages are cut from it
}

// burst is a run of frames as buffers that one writev takes: each frame starts with a
// head, the frame's and the message's fields, and goes on with data and batches, which
// are the sender's own memory.
type burst struct {
	buffers [][]byte
	frames  []int // how many buffers each frame has
	bytes   int
}

const (
	// maxHead bounds a head: the frame's, kind and flags, from and to, and nine
	// numbers.
	maxHead = wire.FrameHeaderSize + 18 + 9*binary.MaxVarintLen64
	// arenaSize makes room for a few dozen heads with one allocation.
	arenaSize = 8 << 10
)

func newQueue(limit int) *queue { return &queue{ready: make(chan struct{}, 1), limit: limit} }

// put adds a message. It says false if there is no room, or nobody to take it.
func (q *queue) put(m *wire.Message) bool {
	size := wire.FrameHeaderSize + m.Size()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open || q.bytes > 0 && q.bytes+size > q.limit {
		return false
	}
	q.bytes += size
	q.next.bytes += size
	count := 1
	q.next.buffers = append(q.next.buffers, q.head(m))
	if len(m.Data) > 0 {
		q.next.buffers = append(q.next.buffers, m.Data)
		count++
	}
	for _, b := range m.Batches {
		q.next.buffers = append(q.next.buffers, b)
	}
	q.next.frames = append(q.next.frames, count+len(m.Batches))
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// head is room for the frame's header, followed by the message's fields.
func (q *queue) head(m *wire.Message) []byte {
	if cap(q.arena)-len(q.arena) < maxHead {
		q.arena = make([]byte, 0, arenaSize)
	}
	start := len(q.arena)
	q.arena = m.AppendFields(q.arena[:start+wire.FrameHeaderSize])
	return q.arena[start:len(q.arena):len(q.arena)]
}

// take swaps what waits for an empty burst, whose memory it reuses. It says false if
// nothing waits.
func (q *queue) take(b *burst) bool {
	b.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	*b, q.next = q.next, *b
	return len(b.frames) > 0
}

// written makes room for as much as the burst was.
func (q *queue) written(b *burst) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= b.bytes
}

// admit opens the queue, or closes it and drops what waits.
func (q *queue) admit(open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = open
	if !open {
		q.bytes -= q.next.bytes
		q.next.reset()
	}
}

func (b *burst) reset() {
	clear(b.buffers)
	b.buffers, b.frames, b.bytes = b.buffers[:0], b.frames[:0], 0
}

// size is how many bytes the frames have. It is less than bytes, which makes room for the
// longest heads.
func (b *burst) size() (n int) {
	for _, buffer := range b.buffers {
		n += len(buffer)
	}
	return n
}

// seal fills in the frames' headers. The checksums are computed here, by the writer,
// and not by whoever sends.
func (b *burst) seal(group wire.GroupID) {
	at := 0
	for _, n := range b.frames {
		frame := b.buffers[at : at+n]
		whole := frame[0]
		frame[0] = whole[wire.FrameHeaderSize:] // the payload's first part
		wire.PutFrameHeader(whole, wire.FrameMessage, group, frame...)
		frame[0] = whole
		at += n
	}
}
