package grpc_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/wire"
)

// TestAClosedMemberIsGoneThoughItsServerIsNot: the port is the program's, and goes on.
func TestAClosedMemberIsGoneThoughItsServerIsNot(t *testing.T) {
	one, two := pair(t, grpc.Options{}, grpc.Options{})
	two.Transport.Close()
	down := trial.Await(t, one, "the end", trial.Of(wire.ArrivedDown))
	if !down.Gone || down.Card.ID != 2 {
		t.Errorf("arrived %+v", down)
	}
}

// TestAServerThatShutsDownLetsItsMemberGo: requests that last as long as their member
// would keep Shutdown waiting for ever.
func TestAServerThatShutsDownLetsItsMemberGo(t *testing.T) {
	_, two := pair(t, grpc.Options{}, grpc.Options{})
	two.Transport.Close()
	ctx, cancel := context.WithTimeout(t.Context(), trial.Eventually)
	defer cancel()
	if err := two.server.Shutdown(ctx); err != nil {
		t.Errorf("the server still waits: %v", err)
	}
}

// TestTheServersLimitsAreNotForMembers: they bound how long a request may take, and a
// member's takes as long as the member lives.
func TestTheServersLimitsAreNotForMembers(t *testing.T) {
	const limit = 50 * time.Millisecond
	strict := &http.Server{Protocols: rpc.Protocols(), ReadTimeout: limit, WriteTimeout: limit, IdleTimeout: limit}
	one, two := mountAs(t, 1, grpc.Options{}), mountOn(t, listener(t, ""), grpc.Options{}, strict)
	two.Introduce(trial.Card(2, two.Addr()))
	to := wire.Peer{ID: 2, Addr: two.Addr()}
	one.Connect([]wire.Peer{to})
	trial.Await(t, one, "the connection", trial.Of(wire.ArrivedUp))
	time.Sleep(4 * limit)
	one.Send(to, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 2, ID: 7})
	trial.Await(t, two, "a message on the old connection", trial.Of(wire.ArrivedMessage))
	if again := one.Drain(nil); len(again) > 0 {
		t.Errorf("meanwhile arrived %+v", again)
	}
}

// TestAnOwnerThatDoesNotDrainPushesBack: the reader stops, nothing is lost, and all comes
// once there is room.
func TestAnOwnerThatDoesNotDrainPushesBack(t *testing.T) {
	one, two := pair(t, grpc.Options{}, grpc.Options{InboxBytes: 64 << 10})
	to := wire.Peer{ID: 2, Addr: two.Addr()}
	const count = 100 // of 64 KiB: more than HTTP/2 takes on its way, less than a queue
	for n := range uint64(count) {
		one.Send(to, &wire.Message{Kind: wire.Forward, From: 1, To: 2, ID: n, Index: 1, Data: make([]byte, 64<<10)})
	}
	for next := uint64(0); next < count; {
		got := slices.DeleteFunc(two.Drain(nil), func(x wire.Arrival) bool { return x.Kind != wire.ArrivedMessage })
		if len(got) > 1 {
			t.Fatalf("%d messages wait where there is room for one", len(got))
		}
		for _, x := range got {
			if x.Message.ID != next {
				t.Fatalf("message %d arrived, %d was next", x.Message.ID, next)
			}
			next++
		}
		if len(got) == 0 {
			<-two.Wake()
		}
	}
}

// TestOneSlowReaderDoesNotHoldUpAnother: member 2 takes nothing, and the queue to it
// overflows; member 3 hears all.
func TestOneSlowReaderDoesNotHoldUpAnother(t *testing.T) {
	one, two := pair(t, grpc.Options{QueueBytes: 1 << 20}, grpc.Options{InboxBytes: 1})
	three := mountAs(t, 3, grpc.Options{})
	slow, quick := wire.Peer{ID: 2, Addr: two.Addr()}, wire.Peer{ID: 3, Addr: three.Addr()}
	one.Connect([]wire.Peer{slow, quick})
	trial.Await(t, one, "the other connection", trial.Of(wire.ArrivedUp))
	flood := &wire.Message{Kind: wire.Forward, From: 1, To: 2, Index: 1, Data: make([]byte, 256<<10)}
	for n := range uint64(200) {
		one.Send(slow, flood)
		one.Send(quick, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 3, ID: n})
	}
	next := uint64(0)
	trial.Await(t, three, "all messages", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedMessage {
			if x.Message.ID != next {
				t.Fatalf("message %d arrived, %d was next", x.Message.ID, next)
			}
			next++
		}
		return next == 200
	})
}

// TestCloseLeavesNothingRunning: neither of what was dialled nor of what was accepted.
func TestCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	one, two := pair(t, grpc.Options{}, grpc.Options{})
	two.Connect([]wire.Peer{{ID: 1, Addr: one.Addr()}, {ID: 9, Addr: "127.0.0.1:1"}})
	trial.Await(t, two, "the way back", trial.Of(wire.ArrivedUp))
	one.Send(wire.Peer{ID: 2, Addr: two.Addr()}, &wire.Message{Kind: wire.SnapshotChunk, From: 1, To: 2, Data: make([]byte, 1<<20)})
	trial.Await(t, two, "a piece of a snapshot", trial.Of(wire.ArrivedMessage))
	one.Close()
	two.Close()
	// What HTTP/2 has running ends by itself once its connection has.
	for end := time.Now().Add(trial.Eventually); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines run, %d did before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestCloseEndsItsRequests: the server's goroutines are its own again, though the server
// goes on. The last of a request may return a moment after Close.
func TestCloseEndsItsRequests(t *testing.T) {
	_, two := pair(t, grpc.Options{}, grpc.Options{})
	two.Transport.Close()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(trial.Eventually); ; time.Sleep(time.Millisecond) {
		s := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(s, "stream.(*Hub).Serve") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("a request is still served:\n%s", s)
		}
	}
}
