package kv

import (
	"sync"

	"github.com/balsaraft/balsa"
)

// tail is which keys have changed lately, for watches: one that wants none of them need
// not look into the store, which is half of what its waking costs. Who applies writes it; any
// goroutine reads it.
type tail struct {
	mu      sync.RWMutex
	changes []changedKey // in order
	from    balsa.Index  // all changes from here on are there,
	to      balsa.Index  // up to here
}

type changedKey struct {
	index balsa.Index
	key   string
}

// tailKept is how many changes it has at least, if there were as many. Who is further
// behind has something to read in any case.
const tailKept = 1024

// restart forgets all, and begins after an index.
func (t *tail) restart(applied balsa.Index) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes, t.from, t.to = nil, applied+1, applied
}

// grow adds what has changed up to an index.
func (t *tail) grow(changes []changedKey, applied balsa.Index) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes, t.to = append(t.changes, changes...), applied
	if drop := len(t.changes) - tailKept; drop > tailKept {
		t.from = t.changes[drop-1].index + 1
		kept := copy(t.changes, t.changes[drop:])
		clear(t.changes[kept:])
		t.changes = t.changes[:kept]
	}
}

// without says up to which index nothing in a range has changed from another one on. It
// is not known if something has, or if that is too long ago.
func (t *tail) without(r Range, from balsa.Index) (upTo balsa.Index, known bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if from < t.from {
		return 0, false
	}
	for i := len(t.changes) - 1; i >= 0 && t.changes[i].index >= from; i-- {
		if r.Contains(t.changes[i].key) {
			return 0, false
		}
	}
	return t.to, true
}
