package balsa

import "sync"

// repeats are the indexes of commands that stand in the log a second time and were not
// run again.
type repeats struct {
	mu      sync.Mutex
	from    Index // known for all entries after this one
	indexes map[Index]bool
}

func (r *repeats) add(i Index) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.indexes == nil {
		r.indexes = map[Index]bool{}
	}
	r.indexes[i] = true
}

func (r *repeats) restart(at Index) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.indexes = at, nil
}

// isRepeat says whether the entry was not run, and known whether that is known.
func (r *repeats) isRepeat(i Index) (repeat, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.indexes[i], i > r.from
}
