package stream

import (
	"testing"
	"testing/synctest"
	"time"
)

// waited is how long it takes until the next dial.
func (p *pace) waited(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	if !p.wait(t.Context(), nil) {
		t.Fatal("there is no next dial")
	}
	return time.Since(began)
}

// A member that was down for long, came back and dies again is dialled at once, though it
// came back a moment ago: who waits here does not hear that it is gone.
func TestAConnectionThatLastedIsMadeAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		for range 10 {
			p.waited(t) // nobody answers
		}
		for range 3 {
			p.connected()
			time.Sleep(steady)
			p.broken()
			if w := p.waited(t); w != 0 {
				t.Errorf("the next dial is %v after the end of a connection that lasted", w)
			}
		}
		if w := p.waited(t); w < leastPause/2 || w > leastPause {
			t.Errorf("that failed, and the next one is %v after it", w)
		}
	})
}

// A peer that accepts and breaks again and again is not dialled all the time.
func TestConnectionsThatDoNotLastAreMadeEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		for i, want := range []time.Duration{0, 20, 40, 80, 160, 320, 640, 1000, 1000} {
			p.connected()
			p.broken()
			if w := p.waited(t); w != want*time.Millisecond {
				t.Errorf("the dial after connection %d that did not last came after %v, want %v", i+1, w, want*time.Millisecond)
			}
		}
		p.connected()
		time.Sleep(steady)
		p.broken()
		p.waited(t)
		p.connected()
		if p.broken(); p.waited(t) != leastPause {
			t.Error("a connection that lasted does not count for the peer")
		}
	})
}
