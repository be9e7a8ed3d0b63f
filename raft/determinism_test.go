package raft_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"testing"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// TestSameInputsGiveTheSameOrders plays chaos twice with each seed: whatever the cores
// order, in bytes, must be the same. Chance comes in through Config.Random alone, and
// nothing depends on the order of a map.
func TestSameInputsGiveTheSameOrders(t *testing.T) {
	for seed := range uint64(100) {
		if a, b := ordersOf(seed), ordersOf(seed); a != b {
			t.Errorf("seed %d gives other orders the second time", seed)
		}
	}
}

// ordersOf is a digest of all that the cores of a run order.
func ordersOf(seed uint64) uint64 {
	c := newChaos(seed, func(string, ...any) {})
	digest := fnv.New64a()
	c.w.ordering = func(m *member, o raft.Orders) { writeOrders(digest, m.id, o) }
	c.faults(800)
	return digest.Sum64()
}

// writeOrders writes all that orders say. Memberships are written out, for they are
// pointers.
func writeOrders(w io.Writer, id wire.MemberID, o raft.Orders) {
	fmt.Fprintln(w, id, o.Committed, o.Reads, o.Snapshots, o.Lost, o.Changed)
	for _, m := range o.Send {
		fmt.Fprintln(w, m)
		for _, s := range m.Spans {
			writeSpan(w, s)
		}
	}
	for _, s := range o.Saves {
		fmt.Fprintln(w, s.Seq)
		if s.HardState != nil {
			fmt.Fprintln(w, *s.HardState)
		}
		for _, e := range s.Entries {
			fmt.Fprint(w, e.Origin)
			writeSpan(w, e.Span)
		}
	}
}

func writeSpan(w io.Writer, s wire.Span) {
	fmt.Fprintln(w, s, s.Bytes)
	if s.Membership != nil {
		fmt.Fprintln(w, *s.Membership)
	}
}
