package stream

import (
	"sync"

	"github.com/balsaraft/balsa/wire"
)

// inbox holds what has arrived until the owner drains it. Any goroutine may use it.
type inbox struct {
	wake chan struct{} // holds a token while there is something that onMessage was not told

	mu        sync.Mutex
	onMessage func()     // may be nil
	room      *sync.Cond // signalled when bytes shrinks, or at the end
	arrivals  []wire.Arrival
	bytes     int // of the messages among them
	limit     int
	closed    bool
}

func newInbox(limit int) *inbox {
	b := &inbox{wake: make(chan struct{}, 1), limit: limit}
	b.room = sync.NewCond(&b.mu)
	return b
}

// message adds a message of that many bytes, and waits while there is no room. more says
// that some of what comes after it has arrived: whoever turns a member for each would do so
// more often than is good for it. It says false when the transport has been closed.
func (b *inbox) message(a wire.Arrival, size int, more bool) bool {
	onMessage, ok := b.addMessage(a, size)
	switch {
	case !ok:
		return false
	case onMessage == nil || more:
		b.wakeUp()
	default:
		onMessage()
	}
	return true
}

func (b *inbox) addMessage(a wire.Arrival, size int) (onMessage func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.bytes > 0 && b.bytes+size > b.limit && !b.closed {
		b.room.Wait()
	}
	if b.closed {
		return nil, false
	}
	b.bytes += size
	b.arrivals = append(b.arrivals, a)
	return b.onMessage, true
}

// tell adds news of a connection. It never waits.
func (b *inbox) tell(a wire.Arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.arrivals = append(b.arrivals, a)
		b.wakeUp()
	}
}

func (b *inbox) wakeUp() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *inbox) drain(into []wire.Arrival) []wire.Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	into = append(into, b.arrivals...)
	clear(b.arrivals)
	b.arrivals, b.bytes = b.arrivals[:0], 0
	b.room.Broadcast()
	return into
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.room.Broadcast()
}
