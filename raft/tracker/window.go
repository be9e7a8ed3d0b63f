package tracker

import (
	"slices"

	"github.com/balsaraft/balsa/wire"
)

// Window is what is on the way to a peer: the Appends with entries that it has not
// answered, oldest first. The zero Window is empty.
type Window struct {
	flights []flight
	bytes   int
}

type flight struct {
	last  wire.Index
	bytes int
}

// Add notes an Append that ends at last.
func (w *Window) Add(last wire.Index, bytes int) {
	w.flights = append(w.flights, flight{last, bytes})
	w.bytes += bytes
}

// Release forgets the Appends that end at or before match: one answer covers all
// that was sent before it.
func (w *Window) Release(match wire.Index) {
	n := 0
	for n < len(w.flights) && w.flights[n].last <= match {
		w.bytes -= w.flights[n].bytes
		n++
	}
	w.flights = slices.Delete(w.flights, 0, n)
}

// Clear forgets everything.
func (w *Window) Clear() { w.flights, w.bytes = w.flights[:0], 0 }

// Full says whether the next Append must wait. An empty window is never full, so
// that one entry larger than all bounds still passes.
func (w *Window) Full(count, bytes int) bool {
	return len(w.flights) > 0 && (len(w.flights) >= count || w.bytes >= bytes)
}

// Bytes is the weight of what is on the way.
func (w *Window) Bytes() int { return w.bytes }
