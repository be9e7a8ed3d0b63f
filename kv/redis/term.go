package redis

import (
	"context"
	"time"
)

// term is the time that commands of one connection have. To make a context with a timer for
// each, and to end it, is a fifth of what carrying out a small command costs; so one serves all
// commands that begin within a quarter of that time. Its zero value is ready. It belongs
// to the connection's goroutine.
type term struct {
	ctx    context.Context // nil before the first
	cancel context.CancelFunc
	ends   time.Time
}

// of is a context of the connection's that goes on for so long at least, and for a quarter
// more at most.
func (t *term) of(conn context.Context, long time.Duration) context.Context {
	now := time.Now()
	if t.ctx == nil || t.ends.Sub(now) < long {
		t.end()
		t.ends = now.Add(long + long/4)
		t.ctx, t.cancel = context.WithDeadline(conn, t.ends)
	}
	return t.ctx
}

// end lets go of the timer.
func (t *term) end() {
	if t.ctx != nil {
		t.cancel()
	}
}
