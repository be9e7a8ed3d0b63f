package main

import (
	"io"
	"log/slog"
	"net"
	"runtime"
	"strconv"
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
