package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// three targets that no test connects to.
func three(t *testing.T) *targets {
	t.Helper()
	all, err := newTargets(Config{Addrs: []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}})
	if err != nil {
		t.Fatal(err)
	}
	all.resolve(t.Context(), true)
	return all
}

// A command has run, and some members do not know its result any more.
func TestALostResultIsAskedOfEachMemberOnce(t *testing.T) {
	for _, known := range []int{0, 1, 3} { // how many are asked until one knows it; 0 for none
		synctest.Test(t, func(t *testing.T) {
			asked := map[balsav1.ClusterClient]int{}
			err := three(t).try(t.Context(), try{did: "test", ask: func(_ context.Context, stub balsav1.ClusterClient, _ uint32) (*balsav1.Standing, error) {
				asked[stub]++
				who := &balsav1.Standing{Member: fmt.Sprint(len(asked)), Leader: "1"}
				if len(asked) == known {
					return who, nil
				}
				return nil, balsav1.NewError(fmt.Errorf("%w: %w", balsa.ErrUnknown, balsa.ErrResultLost), who)
			}})
			want := known
			if known == 0 {
				want = 3
				is(t, "nobody knows it", err, balsa.ErrUnknown, balsa.ErrResultLost)
			} else if err != nil {
				t.Errorf("the member asked as number %d knows it: %v", known, err)
			}
			for _, n := range asked {
				if n != 1 || len(asked) != want {
					t.Errorf("%d members were asked, one of them %d times; want %d, each once", len(asked), n, want)
				}
			}
		})
	}
}

func TestOneUnknownAttemptMakesTheCallUnknown(t *testing.T) {
	sure := balsav1.NewError(fmt.Errorf("%w: %w", balsa.ErrNotCommitted, balsa.ErrNoLeader), nil)
	broken := connect.NewError(connect.CodeUnavailable, errors.New("connection reset"))
	dial := connect.NewError(connect.CodeUnavailable, &dialError{errors.New("connection refused")})
	for name, tc := range map[string]struct {
		attempts []error // the last one goes on
		reads    bool
		want     error
	}{
		"all of them sure":              {[]error{sure, dial, sure}, false, balsa.ErrNotCommitted},
		"one that broke, then sure":     {[]error{broken, sure}, false, balsa.ErrUnknown},
		"a read changes nothing":        {[]error{broken, sure}, true, balsa.ErrNotCommitted},
		"nobody there":                  {[]error{dial}, false, balsa.ErrNotCommitted},
		"a member that does not answer": {[]error{context.DeadlineExceeded}, false, balsa.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				n := 0
				err := three(t).try(ctx, try{did: "test", reads: tc.reads, ask: func(context.Context, balsav1.ClusterClient, uint32) (*balsav1.Standing, error) {
					n++
					return nil, tc.attempts[min(n, len(tc.attempts))-1]
				}})
				is(t, name, err, tc.want, context.DeadlineExceeded)
				// It backs off: 20 seconds are a few dozen attempts.
				if n < 10 || n > 100 {
					t.Errorf("%d attempts in 20 seconds", n)
				}
			})
		})
	}
}

// A target that fails is left alone for longer each time, but never for good.
func TestTargetsThatFailAreTriedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := three(t)
		bad := all.pick(toAny, nil)
		for range 10 {
			all.failed(bad, nil, true)
		}
		for range 20 {
			if all.pick(toAny, nil) == bad {
				t.Error("a target that has just failed is tried before others")
			}
		}
		time.Sleep(time.Second)
		seen := false
		for range 3 {
			seen = seen || all.pick(toAny, nil) == bad
		}
		if !seen {
			t.Error("a second later it is still left alone")
		}
	})
}
