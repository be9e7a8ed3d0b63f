package kv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/balsaraft/balsa"
)

// All changes are the plain form. What the tail says must be so, and it must say something
// of what is not longer ago than it keeps.
func TestTheTailKnowsWhatHasNotChanged(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 5))
	var tail tail
	var all []changedKey
	index := balsa.Index(7)
	tail.restart(index)
	for range 3000 {
		var changes []changedKey
		for range chance.IntN(4) {
			index++
			for range chance.IntN(4) {
				changes = append(changes, changedKey{index, fmt.Sprint(chance.IntN(30))})
			}
		}
		tail.grow(changes, index)
		all = append(all, changes...)
		if len(tail.changes) > 3*tailKept {
			t.Fatalf("%d changes are kept", len(tail.changes))
		}
		from, r := 1+balsa.Index(chance.IntN(int(index)+2)), Prefix(fmt.Sprint(chance.IntN(30)))
		if chance.IntN(2) == 0 {
			from = index - min(index-1, balsa.Index(chance.IntN(10)))
		}
		since, has := 0, false
		for i := len(all) - 1; i >= 0 && all[i].index >= from; i-- {
			since++
			has = has || r.Contains(all[i].key)
		}
		upTo, known := tail.without(r, from)
		switch {
		case known && has:
			t.Fatalf("from %d on nothing has changed in %v, says the tail, though it has", from, r)
		case known && upTo != index:
			t.Fatalf("known up to %d, applied is %d", upTo, index)
		case !known && !has && since <= tailKept && from > 7:
			t.Fatalf("nothing is known of %v from %d on, %d changes ago", r, from, since)
		case known && from <= 7:
			t.Fatalf("something is known from %d on, before the tail began", from)
		}
	}
}

// A watch of other keys is a watch all the same: it hears that the store was closed.
func TestAWatchOfWhatNeverChangesEndsWithTheStore(t *testing.T) {
	m := NewMachine()
	ended := make(chan error, 1)
	go func() {
		for _, err := range m.Watch(t.Context(), Watch{Range: Prefix("other"), From: 1}) {
			ended <- err
		}
	}()
	for i := balsa.Index(1); i < 100; i++ {
		m.Apply(balsa.Entry{Index: i}, Do(Set("key", nil)))
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != ErrClosed {
		t.Errorf("the watch ends with %v, want %v", err, ErrClosed)
	}
}
