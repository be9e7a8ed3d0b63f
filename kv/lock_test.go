package kv

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

func TestALockHasOneHolderAndTokensThatGrow(t *testing.T) {
	ctx := t.Context()
	s := NewStore(openNode(t, balsa.Config{}))
	first, err := TryLock(ctx, s, "lock", "ann", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := TryLock(ctx, s, "lock", "bob", time.Hour); !errors.Is(err, ErrLocked) || !errors.As(err, &locked) || locked.Owner != "ann" || locked.Token != first.Token() {
		t.Fatalf("%v", err)
	}
	second := make(chan *Lock)
	go func() {
		l, err := AwaitLock(ctx, s, "lock", "bob", time.Hour)
		if err != nil {
			t.Error(err)
		}
		second <- l
	}()
	if err := errors.Join(first.KeepAlive(ctx), first.Unlock(ctx)); err != nil {
		t.Fatal(err)
	}
	bobs := <-second
	if bobs.Token() <= first.Token() {
		t.Errorf("token %d after %d", bobs.Token(), first.Token())
	}
	if err := first.Unlock(ctx); !errors.Is(err, ErrLockLost) {
		t.Errorf("unlock of what is another's: %v", err)
	}
	for l, want := range map[*Lock]bool{first: false, bobs: true} {
		r, err := s.Do(ctx, Command{If: []Condition{l.Held()}, Then: []Op{Set("guarded", nil)}})
		if err != nil || r.Held != want {
			t.Errorf("a guarded write: %v, %v, want %v", r.Held, err, want)
		}
	}
}

func TestAnIdleStoreExpiresWhatIsDue(t *testing.T) {
	node := openNode(t, balsa.Config{})
	s := NewStore(node)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go KeepTime(ctx, node)
	if _, err := TryLock(ctx, s, "lock", "ann", 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, err := AwaitLock(ctx, s, "lock", "bob", time.Hour); err != nil {
		t.Fatal(err)
	}
}

// Whatever of the log a member has to read again for its sessions, no command runs twice.
func TestNothingRunsTwiceOverRestarts(t *testing.T) {
	dir := t.TempDir()
	total := 0
	for life := range 4 {
		m := onDisk(t, Dir(dir))
		node, err := balsa.Open(t.Context(), balsa.Config{Dir: dir, SnapshotBytes: 4 << 10, Logger: quiet.Logger, MaxCommand: MaxCommand}, m)
		if err != nil {
			t.Fatal(err)
		}
		s := NewStore(node)
		for range 50 {
			total++
			if r, err := s.Do(t.Context(), Do(Add("n", 1))); err != nil || r.Replies[0].Number != int64(total) {
				t.Fatalf("in life %d: %+v, %v, want %d", life, r, err, total)
			}
		}
		if err := errors.Join(node.Close(), m.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
