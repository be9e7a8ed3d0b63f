package stream

import (
	"sync"
	"time"
)

// quiet keeps what goes wrong again and again from filling the log: each kind of
// trouble is told at once, then after 5 s, then after twice as long each time, up to
// two minutes. Any goroutine may use it.
type quiet struct {
	mu   sync.Mutex
	told map[string]*telling
}

type telling struct {
	next  time.Time
	pause time.Duration
	held  int // how often it was not told
}

const (
	firstPause  = 5 * time.Second
	longestRest = 2 * time.Minute
	// maxTroubles bounds the memory for troubles that strangers can cause.
	maxTroubles = 1024
)

// ask says whether to tell of a trouble now, and how often it was not told since the
// last time.
func (q *quiet) ask(trouble string) (held int, tell bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	t := q.told[trouble]
	if t == nil {
		if q.told == nil || len(q.told) >= maxTroubles {
			q.told = map[string]*telling{}
		}
		q.told[trouble] = &telling{next: now.Add(firstPause), pause: firstPause}
		return 0, true
	}
	if now.Before(t.next) {
		t.held++
		return 0, false
	}
	held, t.held = t.held, 0
	t.pause = min(2*t.pause, longestRest)
	t.next = now.Add(t.pause)
	return held, true
}

// over forgets a trouble, so that it is told at once when it comes again.
func (q *quiet) over(trouble string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.told, trouble)
}
