package door

import (
	"sync"
	"time"
)

// told keeps strangers from filling the log: the same trouble is told at once, and then
// once in a while. Any goroutine may use it.
type told struct {
	mu       sync.Mutex
	troubles map[string]*trouble
	since    time.Time // when lines were last counted from 0
	lines    int
}

type trouble struct {
	next time.Time
	held int // how often it was not told
}

const (
	rest = 10 * time.Second
	// most bounds the memory for troubles that strangers can cause.
	most = 1024
	// mostLines bounds what is told while one trouble rests: strangers have many addresses.
	mostLines = 32
)

// ask says whether to tell of a trouble now, and how often it was not told since.
func (t *told) ask(what string, now time.Time) (held int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before := t.troubles[what]; before != nil {
		if now.Before(before.next) {
			before.held++
			return 0, false
		}
		held = before.held
	}
	if now.Sub(t.since) > rest {
		t.since, t.lines = now, 0
	}
	if t.lines++; t.lines > mostLines {
		return 0, false
	}
	if t.troubles == nil || len(t.troubles) >= most {
		t.troubles = map[string]*trouble{}
	}
	t.troubles[what] = &trouble{next: now.Add(rest)}
	return held, true
}
