package kv

import (
	"context"
	"sync"
	"time"
)

const (
	// timePause is how long KeepTime waits for the leader, when something is due and
	// this member is not, or was not heard.
	timePause = 50 * time.Millisecond
	// timeTrust is how long it believes that this machine's clock runs evenly. A clock
	// that is set forward is noticed so late.
	timeTrust = 10 * time.Second
)

// KeepTime lets keys and leases expire while nobody writes: time passes in the store
// with the entries of the log, so the leader appends one when something is due. Every
// member runs it until ctx ends; only the leader's does anything. It sleeps until then.
func KeepTime(ctx context.Context, n *Node) {
	m, err := machineOf(ctx, n)
	if err != nil {
		return // ctx or the node has ended
	}
	k := timekeeper{
		due:   &m.alarm,
		leads: func() bool { return n.Status().Role == leading },
		pass: func() {
			// What comes of it does not matter: what is due stays due.
			patience, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, _ = n.Propose(patience, Command{})
		},
	}
	k.run(ctx, n.Done())
}

const leading = "leader"

// timekeeper is KeepTime without its node.
type timekeeper struct {
	due   *alarm
	leads func() bool
	pass  func() // appends an entry
}

func (k timekeeper) run(ctx context.Context, done <-chan struct{}) {
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		at, sooner := k.due.look()
		pause := until(at)
		if pause <= 0 {
			if k.leads() {
				k.pass()
			}
			if now, _ := k.due.look(); now != at {
				continue
			}
			pause = timePause
		}
		wake.Reset(pause)
		select {
		case <-wake.C:
		case <-sooner:
		case <-ctx.Done():
			return
		case <-done:
			return
		}
	}
}

// until is how long to sleep until a moment in milliseconds since 1970.
func until(at int64) time.Duration {
	if left := at - time.Now().UnixMilli(); left < timeTrust.Milliseconds() {
		return time.Until(time.UnixMilli(at))
	}
	return timeTrust
}

// alarm is the moment when something is due, in milliseconds since 1970. Any goroutine
// may use it.
type alarm struct {
	mu     sync.Mutex
	at     int64
	sooner chan struct{} // closed when it becomes a sooner moment; nil while nobody looks
}

func (a *alarm) set(at int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at < a.at && a.sooner != nil {
		close(a.sooner)
		a.sooner = nil
	}
	a.at = at
}

// look returns the moment, and what is closed when a sooner one takes its place.
func (a *alarm) look() (int64, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sooner == nil {
		a.sooner = make(chan struct{})
	}
	return a.at, a.sooner
}
