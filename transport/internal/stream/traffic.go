package stream

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/balsaraft/balsa/wire"
)

// traffic counts what goes between this process and each member that Connect has named,
// whatever connections it takes: of strangers there may be any number. Any goroutine may
// use it.
type traffic struct {
	mu  sync.Mutex
	all map[wire.MemberID]*counters
}

// counters are those of one member. The nil one counts nothing.
type counters struct{ sent, received, dropped atomic.Uint64 }

// keep counts for these members, and forgets all others.
func (t *traffic) keep(members map[wire.MemberID]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := map[wire.MemberID]*counters{}
	for id := range members {
		if kept[id] = t.all[id]; kept[id] == nil {
			kept[id] = &counters{}
		}
	}
	t.all = kept
}

// of is where to count for a member, nil for one that is not counted.
func (t *traffic) of(id wire.MemberID) *counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[id]
}

func (c *counters) wrote(bytes int) {
	if c != nil {
		c.sent.Add(uint64(bytes))
	}
}

func (c *counters) read(bytes int) {
	if c != nil {
		c.received.Add(uint64(bytes))
	}
}

func (c *counters) lost() {
	if c != nil {
		c.dropped.Add(1)
	}
}

// Traffic is what went to each member and came from it since Connect named it, ordered by
// identity.
func (h *Hub) Traffic() (all []wire.Traffic) {
	h.traffic.mu.Lock()
	defer h.traffic.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(h.traffic.all)) {
		c := h.traffic.all[id]
		all = append(all, wire.Traffic{ID: id, Sent: c.sent.Load(), Received: c.received.Load(), Dropped: c.dropped.Load()})
	}
	return all
}
