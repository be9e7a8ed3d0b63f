package main

import (
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// newDemo is a demo in this process, whose members run.
func newDemo(t *testing.T) *demo {
	t.Helper()
	d := &demo{console: console{stdout: io.Discard, stderr: io.Discard}, log: slog.New(slog.DiscardHandler), dir: t.TempDir()}
	if err := d.build(t.Context(), "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stage.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.stage.startAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// The page shows "stopped" a moment before the stop has ended, and a person may be quick.
func TestAMemberIsStartedWhileItStops(t *testing.T) {
	t.Parallel()
	s := newDemo(t).stage
	b := s.actors[1]
	for _, how := range []string{"stop", "kill"} {
		ended := make(chan error, 1)
		go func() { ended <- s.doTo(b, how) }()
		for b.seen().State == stateRunning {
			runtime.Gosched()
		}
		if err := s.doTo(b, "start"); err != nil {
			t.Errorf("start after %s: %v", how, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if state := b.seen().State; state != stateRunning {
			t.Errorf("after %s and start the member is %s", how, state)
		}
	}
}

// A connection could take the port of a member that is stopped, if it lay among those that
// systems give to connections.
func TestPortsThatADemoComesBackToAreNotThoseOfConnections(t *testing.T) {
	t.Parallel()
	for _, a := range newDemo(t).stage.actors {
		for _, addr := range []string{a.addr, a.redis} {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := strconv.Atoi(port); err != nil || n < firstPort || n >= firstPort+portCount {
				t.Errorf("member %s listens at %s", a.name, addr)
			}
		}
	}
}

// The page of a member that was killed writes through another one.
func TestAPageAsksAnotherMemberThanItsOwn(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	if !d.awaitLeader(t.Context()) {
		t.Fatal("no leader")
	}
	a := d.stage.actors[0]
	if err := d.stage.doTo(a, "kill"); err != nil {
		t.Fatal(err)
	}
	put := func(through string) int {
		request, err := nethttp.NewRequestWithContext(t.Context(), nethttp.MethodPut, "http://"+a.front.addr+"/kv/tour", strings.NewReader("still here"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Balsa-Demo-Through", through)
		answer, err := nethttp.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for through, want := range map[string]int{"": nethttp.StatusServiceUnavailable, "b": nethttp.StatusOK, "nobody": nethttp.StatusServiceUnavailable} {
		if got := put(through); got != want {
			t.Errorf("through %q it is answered with %d; want %d", through, got, want)
		}
	}
}
