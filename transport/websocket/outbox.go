package websocket

import (
	"errors"
	"sync"

	"github.com/balsaraft/balsa/room"
)

// parcel is something to seal and send, or a text message as it is.
type parcel struct {
	to      *peer
	purpose room.Purpose
	bytes   []byte // plain
}

// outbox holds what waits for the WebSocket, in order. Any goroutine puts, one takes.
type outbox struct {
	ready chan struct{} // holds a token while there is something
	dead  chan struct{} // closed when nobody takes any more

	mu      sync.Mutex
	waiting []parcel
	bytes   int
	space   chan struct{} // closed when some was made
}

// outboxBytes is how much may wait before data has to wait outside.
const outboxBytes = 256 << 10

var (
	errGaveUp = errors.New("the stream ended before there was room")
	errCut    = errors.New("the connection to the introducer broke")
)

func newOutbox() *outbox {
	return &outbox{ready: make(chan struct{}, 1), dead: make(chan struct{}), space: make(chan struct{})}
}

// put adds a parcel. One of data waits until there is space or giveUp is closed.
func (o *outbox) put(p parcel, data bool, giveUp <-chan struct{}) error {
	for {
		space := o.tryPut(p, data)
		if space == nil {
			return nil
		}
		select {
		case <-space:
		case <-giveUp:
			return errGaveUp
		case <-o.dead:
			return errCut
		}
	}
}

// tryPut adds a parcel, or says what to wait for.
func (o *outbox) tryPut(p parcel, data bool) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if data && o.bytes >= outboxBytes {
		return o.space
	}
	o.bytes += len(p.bytes)
	o.waiting = append(o.waiting, p)
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return nil
}

// take swaps what waits for an emptied slice.
func (o *outbox) take(reuse []parcel) []parcel {
	clear(reuse)
	o.mu.Lock()
	defer o.mu.Unlock()
	waiting := o.waiting
	o.waiting = reuse[:0]
	return waiting
}

// sent makes space.
func (o *outbox) sent(p parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(p.bytes)
	if o.bytes < outboxBytes {
		close(o.space)
		o.space = make(chan struct{})
	}
}
