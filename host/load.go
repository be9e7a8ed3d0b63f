package host

import (
	"math"

	"github.com/balsaraft/balsa/storage/wal"
)

// Load is something in memory that grows with what others send or lack, and the most that
// it may be.
type Load struct {
	What      string
	Now, Most int
}

// loads is how many there are.
const loads = 5

// Loads says how much the member keeps of what it did not ask for. What its own callers
// wait for is not among it: that is bounded by who takes it in.
func (h *Host) Loads() [loads]Load {
	all := [loads]Load{
		{"proposals of others that wait to be appended", len(h.controls.forwards), maxForwards},
		{"pieces of a snapshot that wait to be written", 0, maxPieces},
		{"messages for one member that wait for old entries", 0, maxFetchQueue},
		{"bytes of saved entries in memory", 0, wal.MostCached(h.cfg.CacheBytes)},
		{"snapshots under way to others", len(h.sending), math.MaxInt},
	}
	if h.receives != nil {
		all[1].Now = len(h.receives.pieces)
	}
	for _, f := range h.fetching {
		all[2].Now = max(all[2].Now, len(f.waiting))
	}
	if h.log != nil {
		all[3].Now = h.log.CachedBytes()
	}
	if h.core != nil {
		all[4].Most = len(h.contact.ids)
	}
	return all
}
