package introducer

import (
	"sync"
	"sync/atomic"

	"github.com/balsaraft/balsa/room"
)

// budget bounds what waits for all members together.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take says whether there is room for n bytes more, and takes it.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) > b.limit {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }

// parcel is a message on its way out. What it takes beside its bytes counts, too.
type parcel struct {
	text  bool
	bytes []byte
}

const parcelOverhead = 64

func (p parcel) size() int { return len(p.bytes) + parcelOverhead }

// outbox holds what waits for one member. Any goroutine puts, the visitor's writer
// takes.
type outbox struct {
	ready  chan struct{} // holds a token while there is something, or the end has come
	limit  int
	budget *budget

	mu      sync.Mutex
	waiting []parcel
	bytes   int
	end     *room.Error // nothing is put after it
}

func newOutbox(limit int, b *budget) *outbox {
	return &outbox{ready: make(chan struct{}, 1), limit: limit, budget: b}
}

// put adds a message; reserve bytes are left free for others. It says false if there is
// no room, or the end has come.
func (o *outbox) put(p parcel, reserve int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end != nil || o.bytes+p.size()+reserve > o.limit || !o.budget.take(p.size()) {
		return false
	}
	o.bytes += p.size()
	o.waiting = append(o.waiting, p)
	o.wake()
	return true
}

// finish makes an error the last that is said. The first one counts.
func (o *outbox) finish(why *room.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.end = why
		o.wake()
	}
}

func (o *outbox) wake() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// take swaps what waits for an emptied slice. The end is told once nothing waits.
func (o *outbox) take(reuse []parcel) (waiting []parcel, end *room.Error) {
	clear(reuse)
	o.mu.Lock()
	defer o.mu.Unlock()
	waiting, o.waiting = o.waiting, reuse[:0]
	return waiting, o.end
}

// written makes room for as much as a message took.
func (o *outbox) written(p parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= p.size()
	o.budget.give(p.size())
}

// drop gives back all room, when nobody writes any more.
func (o *outbox) drop(why *room.Error) {
	o.finish(why)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.budget.give(o.bytes)
	o.waiting, o.bytes = nil, 0
}
