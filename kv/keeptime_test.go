package kv

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// kept is a timekeeper in a bubble, and what it did.
type kept struct {
	alarm alarm

	mu     sync.Mutex
	leads  bool
	next   int64 // what is due once an entry was appended
	looked int
	passed []time.Time
}

func (k *kept) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go timekeeper{due: &k.alarm, leads: k.look, pass: k.pass}.run(ctx, nil)
	synctest.Wait()
}

func (k *kept) look() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked++
	return k.leads
}

func (k *kept) pass() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.passed = append(k.passed, time.Now())
	k.alarm.set(k.next)
}

func (k *kept) lead() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leads = true
}

// after waits in the bubble, and says how often it has asked who leads and when it has
// appended entries.
func (k *kept) after(pause time.Duration) (looked int, passed []time.Time) {
	time.Sleep(pause)
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.looked, k.passed
}

func TestTimeIsKeptToTheMillisecondAndWithoutLookingAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{leads: true, next: never}
		due := time.Now().Add(time.Hour)
		k.alarm.set(due.UnixMilli())
		k.start(t)
		looked, passed := k.after(2 * time.Hour)
		if len(passed) != 1 || !passed[0].Equal(due) {
			t.Fatalf("entries at %v, want one at %v", passed, due)
		}
		if looked != 1 {
			t.Errorf("it asked %d times who leads", looked)
		}
	})
}

func TestWhatIsDueSoonerWakesTheTimekeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{leads: true, next: never}
		k.alarm.set(never)
		k.start(t)
		due := time.Now().Add(1500 * time.Millisecond)
		k.alarm.set(due.UnixMilli())
		if _, passed := k.after(2 * time.Second); len(passed) != 1 || !passed[0].Equal(due) {
			t.Fatalf("entries at %v, want one at %v", passed, due)
		}
	})
}

// A follower may become the leader at any time, and then what is due is its business.
func TestWhoComesToLeadDoesWhatIsOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{next: never}
		k.alarm.set(time.Now().UnixMilli())
		k.start(t)
		if looked, passed := k.after(time.Second); len(passed) != 0 || looked < 10 {
			t.Fatalf("%d entries by a follower, which looked %d times", len(passed), looked)
		}
		k.lead()
		if _, passed := k.after(timePause); len(passed) != 1 {
			t.Fatal("it does not keep time")
		}
	})
}

// An entry that was lost is appended again, and not as fast as the machine can.
func TestTimeThatDoesNotPassIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{leads: true, next: time.Now().UnixMilli()}
		k.alarm.set(k.next)
		k.start(t)
		if _, passed := k.after(10*timePause + timePause/2); len(passed) != 11 {
			t.Fatalf("%d tries, want one every %s", len(passed), timePause)
		}
	})
}
