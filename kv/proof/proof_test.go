package proof

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// counters is a store that knows how to count, and nothing else.
type counters struct {
	kv.Store
	mu     sync.Mutex
	values map[string]int64
}

func (c *counters) Do(_ context.Context, command kv.Command) (kv.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := command.Then[0]
	c.values[o.Key] += o.Number
	return kv.Result{Held: true, Replies: []kv.Reply{{Found: true, Number: c.values[o.Key]}}}, nil
}

func (c *counters) item(key string) kv.Item {
	return kv.Item{Key: key, Value: strconv.AppendInt(nil, c.values[key], 10)}
}

func (c *counters) Get(_ context.Context, key string) (kv.Item, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values[key] == 0 {
		return kv.Item{}, kv.ErrNotFound
	}
	return c.item(key), nil
}

func (c *counters) Scan(context.Context, string, int) (items []kv.Item, more bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.values {
		items = append(items, c.item(key))
	}
	return items, false, nil
}

// doing is what a store does with a command.
type doing func(context.Context, kv.Command) (kv.Result, error)

// liar is a store that does now and then something else than it says.
type liar struct {
	*counters
	writes atomic.Int64
	lie    func(doing, context.Context, kv.Command) (kv.Result, error)
}

func (l *liar) Do(ctx context.Context, c kv.Command) (kv.Result, error) {
	if l.lie != nil && l.writes.Add(1)%50 == 0 {
		return l.lie(l.counters.Do, ctx, c)
	}
	return l.counters.Do(ctx, c)
}

// run lets a Prover write through a store for a minute of a bubble's time, and audit what
// came of it.
func run(t *testing.T, lie func(doing, context.Context, kv.Command) (kv.Result, error)) (s Standing) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &liar{counters: &counters{values: map[string]int64{key(0): 1000}}, lie: lie} // from an earlier run
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := New(func() []Access { return []Access{{"a", store}} })
		go p.Run(ctx)
		p.Write(false)
		time.Sleep(time.Minute)
		p.Rest()
		time.Sleep(5 * time.Second)
		s = p.Standing()
		cancel()
		synctest.Wait()
	})
	return s
}

func TestAnHonestStoreLosesNothing(t *testing.T) {
	s := run(t, nil)
	if s.Acknowledged < 1000 || s.Lost+s.Twice+s.Refused+s.Unknown > 0 || s.Counted != s.Acknowledged || s.Expected != s.Acknowledged || s.Audits < 60 || s.Through != "a" {
		t.Errorf("%+v", s)
	}
}

func TestAWriteThatWasAcknowledgedAndLostIsFound(t *testing.T) {
	s := run(t, func(do doing, ctx context.Context, c kv.Command) (kv.Result, error) {
		r, err := do(ctx, kv.Do(kv.Add(c.Then[0].Key, 0)))
		r.Replies[0].Number++ // as if it had
		return r, err
	})
	if s.Lost == 0 || len(s.Findings) == 0 {
		t.Errorf("%+v", s)
	}
}

func TestAWriteThatRanTwiceIsFound(t *testing.T) {
	s := run(t, func(do doing, ctx context.Context, c kv.Command) (kv.Result, error) {
		if r, err := do(ctx, c); err != nil {
			return r, err
		}
		return do(ctx, c)
	})
	if s.Twice == 0 || s.Lost > 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsUnknownMayHaveHappenedOrNot(t *testing.T) {
	times := 0
	s := run(t, func(do doing, ctx context.Context, c kv.Command) (kv.Result, error) {
		if times++; times%2 == 0 {
			do(ctx, c)
		}
		return kv.Result{}, errors.Join(balsa.ErrUnknown, context.DeadlineExceeded)
	})
	if s.Unknown == 0 || s.Lost+s.Twice > 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsRefusedHasNotHappened(t *testing.T) {
	s := run(t, func(do doing, ctx context.Context, c kv.Command) (kv.Result, error) {
		do(ctx, c) // a lie
		return kv.Result{}, balsa.ErrNotCommitted
	})
	if s.Refused == 0 || s.Twice == 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheLongestSilenceIsKnown(t *testing.T) {
	s := run(t, func(do doing, ctx context.Context, c kv.Command) (kv.Result, error) {
		time.Sleep(time.Second)
		return do(ctx, c)
	})
	if s.Longest < 200 || s.Longest > 2000 || s.Silence != 0 {
		t.Errorf("%+v", s)
	}
}
