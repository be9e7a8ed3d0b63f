package http

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/kv"
)

func lockIn(t *testing.T, r response) held {
	t.Helper()
	var l held
	if err := json.Unmarshal([]byte(r.body), &l); err != nil || r.status != 200 || l.Token == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	return l
}

func TestALockIsHeldByOneAtATime(t *testing.T) {
	base, _ := startAlone(t, nil)
	at := base + "/lock/jobs%2Fnightly"
	mustBe := func(r response, status int, code string) {
		t.Helper()
		if r.status != status || r.code() != code {
			t.Errorf("%+v, want %d %s", r, status, code)
		}
	}
	mustBe(do(t, "GET", at, ""), 404, "not_found")
	first := lockIn(t, do(t, "POST", at+"?owner=one&ttl=1m", ""))
	if shown := lockIn(t, do(t, "GET", at, "")); shown != first || first.Owner != "one" {
		t.Errorf("taken is %+v, shown %+v", first, shown)
	}
	token := fmt.Sprint("?token=", first.Token)
	mustBe(do(t, "POST", at+"?owner=two", ""), 423, "locked")
	mustBe(do(t, "PUT", at+token, ""), 200, "")
	mustBe(do(t, "PUT", at+"?token=9999", ""), 409, "lock_lost")
	mustBe(do(t, "DELETE", at+"?token=9999", ""), 409, "lock_lost")
	mustBe(do(t, "DELETE", at+token, ""), 200, "")
	mustBe(do(t, "PUT", at+token, ""), 409, "lock_lost")
	if second := lockIn(t, do(t, "POST", at, "")); second.Token <= first.Token {
		t.Errorf("the second holder's token is %d, after %d", second.Token, first.Token)
	}
	for _, wrong := range []struct{ method, query string }{
		{"POST", "?ttl=0s"}, {"POST", "?wait=31s"}, {"POST", "?wait=x"}, {"POST", "?owner=" + strings.Repeat("x", maxOwner+1)},
		{"PUT", ""}, {"PUT", "?token=0"}, {"DELETE", "?token=x"}, {"POST", "?token=1"},
	} {
		mustBe(do(t, wrong.method, at+wrong.query, ""), 400, "bad_request")
	}
	mustBe(do(t, "POST", base+"/lock/", ""), 400, "bad_request")
}

// Who waits for a lock has it as soon as it is given back, or is told that it is not.
func TestALockIsWaitedFor(t *testing.T) {
	begun := make(chan struct{}, 2)
	base, _ := startAlone(t, func(c *Config) { c.MaxWatches, c.Store = 1, watched{c.Store, begun} })
	at := base + "/lock/l"
	first := lockIn(t, do(t, "POST", at+"?ttl=1h", ""))
	if r := do(t, "POST", at+"?wait=20ms", ""); r.status != 423 {
		t.Errorf("in vain: %+v", r)
	}
	<-begun
	var second response
	var waiting sync.WaitGroup
	waiting.Go(func() { second = do(t, "POST", at+"?wait=30s&owner=two", "") })
	<-begun
	if r := do(t, "POST", at+"?wait=10ms", ""); r.status != 503 || r.code() != "overloaded" {
		t.Errorf("one more than may wait: %+v", r)
	}
	give := do(t, "DELETE", fmt.Sprint(at, "?token=", first.Token), "")
	waiting.Wait()
	if l := lockIn(t, second); give.status != 200 || l.Token <= first.Token || l.Owner != "two" {
		t.Errorf("%+v, then %+v", give, second)
	}
}

// watched says when somebody begins to watch.
type watched struct {
	kv.Store
	begun chan struct{}
}

func (w watched) Watch(ctx context.Context, wanted kv.Watch) iter.Seq2[kv.Changes, error] {
	w.begun <- struct{}{}
	return w.Store.Watch(ctx, wanted)
}

func TestShutdownEndsTheWaitForALock(t *testing.T) {
	store := watched{newLonely(t), make(chan struct{}, 1)}
	if _, err := kv.TryLock(t.Context(), store, "l", "one", time.Hour); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(NewHandler(Config{Store: store, Member: wellMember{}}), slog.New(slog.DiscardHandler))
	s.Start()
	t.Cleanup(s.Close)
	answers := make(chan response, 1)
	go func() { answers <- do(t, "POST", s.URL+"/lock/l?wait=30s", "") }()
	<-store.begun
	if err := s.Config.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if r := <-answers; r.status != 423 || r.code() != "locked" {
		t.Errorf("%+v", r)
	}
}
