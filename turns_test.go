package balsa

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// turning runs a test on a node whose host nobody turns: it leads, and has nothing to do.
func turning(t *testing.T, test func(t *testing.T, n *Node[*State[int, int, int], int, int])) {
	synctest.Test(t, func(t *testing.T) {
		sum := Func(0, func(total *int, _ Entry, add int) int { *total += add; return *total })
		n, err := Open(t.Context(), Config{Name: "a"}, sum)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if got, err := n.Propose(t.Context(), 1); got != 1 || err != nil {
			t.Fatalf("proposed with %d, %v", got, err)
		}
		synctest.Wait()
		test(t, n)
	})
}

func TestWhoBringsWorkTurnsTheHost(t *testing.T) {
	turning(t, func(t *testing.T, n *Node[*State[int, int, int], int, int]) {
		var who []byte
		n.ask(func() { who = debug.Stack() })
		if !strings.Contains(string(who), "balsa.TestWhoBringsWorkTurnsTheHost") {
			t.Errorf("turned by\n%s", who)
		}
	})
}

func TestWhatComesDuringATurnIsDoneByTheNext(t *testing.T) {
	turning(t, func(t *testing.T, n *Node[*State[int, int, int], int, int]) {
		began := time.Now()
		release := HoldLoop(n)
		answered := make(chan error)
		go func() {
			_, err := n.Propose(t.Context(), 1)
			answered <- err
		}()
		synctest.Wait()
		release()
		if err := <-answered; err != nil || time.Since(began) > time.Millisecond {
			t.Errorf("answered after %v of the bubble's time with %v", time.Since(began), err)
		}
	})
}

func TestABrokenInvariantStopsTheMemberWhoeverTurnsIt(t *testing.T) {
	turning(t, func(t *testing.T, n *Node[*State[int, int, int], int, int]) {
		if n.ask(func() { panic("two leaders") }) {
			t.Error("it was said to have run")
		}
		<-n.Done()
		if err := n.Err(); err == nil || !strings.Contains(err.Error(), "an invariant is broken: two leaders") {
			t.Errorf("ended with %v", err)
		}
		if _, err := n.Propose(context.Background(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("proposed with %v", err)
		}
	})
}
