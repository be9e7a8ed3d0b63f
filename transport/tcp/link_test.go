package tcp_test

import (
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// connected is member 1, connected to an impostor of member 2, and the impostor's end.
func connected(t *testing.T, o tcp.Options) (*tcp.Transport, impostor, raw) {
	t.Helper()
	i := impersonate(t, true)
	a := openAs(t, 1, o)
	a.Connect([]wire.Peer{i.peer()})
	trial.Await(t, a, "the connection", trial.Of(wire.ArrivedUp))
	return a, i, <-i.conns
}

func TestARefusedRedialMeansGone(t *testing.T) {
	for name, end := range map[string]func(raw){
		"closed": func(r raw) { r.Close() },
		"reset":  func(r raw) { r.Conn.(*net.TCPConn).SetLinger(0); r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			a, i, conn := connected(t, tcp.Options{})
			i.Close()
			end(conn)
			if down := trial.Await(t, a, "the end", trial.Of(wire.ArrivedDown)); !down.Gone || down.Card.ID != 2 {
				t.Errorf("arrived %+v", down)
			}
		})
	}
}

// TestADyingProcessIsGone closes sockets in the order in which a killed process may:
// the connection first, the listener after it, so that a dial in between is accepted
// and then broken.
func TestADyingProcessIsGone(t *testing.T) {
	i := impersonate(t, true)
	a := openAs(t, 1, tcp.Options{})
	a.Connect([]wire.Peer{i.peer()})
	trial.Await(t, a, "the connection", trial.Of(wire.ArrivedUp))
	dying := make(chan struct{})
	go func() {
		defer close(dying)
		(<-i.conns).Close()
		next := <-i.conns // it came while the listener was still there
		i.Close()
		next.Close()
	}()
	// The second connection is welcomed by the impostor, and may come up before it ends.
	down := trial.Await(t, a, "the end", trial.Of(wire.ArrivedDown))
	if !down.Gone {
		t.Errorf("arrived %+v", down)
	}
	<-dying
}

// TestSilenceIsNotGone: the connection breaks, and the machine takes another one, but
// nobody answers.
func TestSilenceIsNotGone(t *testing.T) {
	i := impersonate(t, true)
	a := openAs(t, 1, tcp.Options{HandshakeTimeout: 50 * time.Millisecond})
	a.Connect([]wire.Peer{i.peer()})
	trial.Await(t, a, "the connection", trial.Of(wire.ArrivedUp))
	addr := i.Addr().String()
	i.Close()
	silent, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	(<-i.conns).Close()
	if down := trial.Await(t, a, "the end", trial.Of(wire.ArrivedDown)); down.Gone {
		t.Errorf("arrived %+v", down)
	}
}

func TestABrokenConnectionIsMadeAgainAtOnce(t *testing.T) {
	a, i, conn := connected(t, tcp.Options{})
	conn.Close()
	trial.Await(t, a, "the connection again", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedDown {
			t.Errorf("it is reported down: %+v", x)
		}
		return x.Kind == wire.ArrivedUp
	})
	<-i.conns
}

// TestAMemberThatConnectsIsDialledAtOnce: who restarts makes itself heard, and need not
// wait until the others try again.
func TestAMemberThatConnectsIsDialledAtOnce(t *testing.T) {
	free, err := net.Listen("tcp", trial.Place())
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	var l trial.Log
	a := openAs(t, 1, tcp.Options{Logger: l.Logger()})
	a.Connect([]wire.Peer{{ID: 2, Addr: addr}})
	l.Await(t, "cannot reach a member, and goes on trying")
	b := open(t, addr, tcp.Options{})
	b.Introduce(card(2))
	b.Connect([]wire.Peer{{ID: 1, Addr: a.Addr()}})
	trial.Await(t, b, "the way to a", trial.Of(wire.ArrivedUp))
	trial.Await(t, a, "the way back", trial.Of(wire.ArrivedUp))
}

// TestOnePeerDoesNotHoldUpAnother: member 2 reads nothing, and its queue overflows.
func TestOnePeerDoesNotHoldUpAnother(t *testing.T) {
	i := impersonate(t, true)
	a, c := openAs(t, 1, tcp.Options{QueueBytes: 1 << 20}), openAs(t, 3, tcp.Options{})
	to := wire.Peer{ID: 3, Addr: c.Addr()}
	a.Connect([]wire.Peer{i.peer(), to})
	up := 0
	trial.Await(t, a, "both connections", func(x wire.Arrival) bool { up++; return up == 2 })
	flood := &wire.Message{Kind: wire.Forward, From: 1, To: 2, Index: 1, Data: make([]byte, 256<<10)}
	for n := range uint64(200) {
		a.Send(i.peer(), flood)
		a.Send(to, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 3, ID: n})
	}
	next := uint64(0)
	trial.Await(t, c, "all messages", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedMessage {
			if x.Message.ID != next {
				t.Fatalf("message %d arrived, %d was next", x.Message.ID, next)
			}
			next++
		}
		return next == 200
	})
}

// TestHeartbeatsDoNotWaitBehindSnapshots: nobody reads what comes on the bulk lane.
func TestHeartbeatsDoNotWaitBehindSnapshots(t *testing.T) {
	a, i, messages := connected(t, tcp.Options{})
	chunk := &wire.Message{Kind: wire.SnapshotChunk, From: 1, To: 2, Data: make([]byte, 1<<20)}
	for range 30 {
		a.Send(i.peer(), chunk)
	}
	bulk := <-i.conns
	a.Send(i.peer(), &wire.Message{Kind: wire.Append, From: 1, To: 2, Term: 1})
	h, payload := messages.hear()
	if m, err := wire.DecodeMessage(payload); h.Kind != wire.FrameMessage || err != nil || m.Kind != wire.Append {
		t.Errorf("on the lane for messages comes %v, %v", m, err)
	}
	if _, payload := bulk.hear(); len(payload) < 1<<20 {
		t.Errorf("on the bulk lane come %d bytes", len(payload))
	}
}

// TestAnOwnerThatDoesNotDrainPushesBack: the reader stops, nothing is lost, and all
// comes once there is room.
func TestAnOwnerThatDoesNotDrainPushesBack(t *testing.T) {
	a := openAs(t, 1, tcp.Options{InboxBytes: 64 << 10})
	r := shakeHands(t, a.Addr(), wire.LaneMessages)
	const count = 400
	wrote := make(chan error, 1)
	go func() {
		for n := range uint64(count) {
			m := wire.Message{Kind: wire.Forward, From: 2, To: 1, ID: n, Index: 1, Data: make([]byte, 64<<10)}
			if _, err := r.Write(frame(wire.FrameMessage, 0, m.Append(nil))); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for next := uint64(0); next < count; {
		got := slices.DeleteFunc(a.Drain(nil), func(x wire.Arrival) bool { return x.Kind != wire.ArrivedMessage })
		if len(got) > 1 {
			t.Fatalf("%d messages wait where there is room for one", len(got))
		}
		if len(got) == 0 {
			<-a.Wake()
			continue
		}
		if got[0].Message.ID != next {
			t.Fatalf("message %d arrived, %d was next", got[0].Message.ID, next)
		}
		next++
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatNothingResolvesIsLogged(t *testing.T) {
	var l trial.Log
	a := openAs(t, 1, tcp.Options{Logger: l.Logger()})
	a.Connect([]wire.Peer{{ID: 2, Addr: "nowhere.invalid:7000"}})
	l.Await(t, "nothing resolves \\\"nowhere.invalid\\\"")
	a.Connect([]wire.Peer{{ID: 3, Addr: "no port"}})
	l.Await(t, "missing port in address")
}

func TestAMessageTooLargeIsDroppedAndLogged(t *testing.T) {
	var l trial.Log
	a, i, conn := connected(t, tcp.Options{MaxMessage: 1000, Logger: l.Logger()})
	a.Send(i.peer(), &wire.Message{Kind: wire.Forward, From: 1, To: 2, Data: make([]byte, 1000)})
	a.Send(i.peer(), &wire.Message{Kind: wire.ReadIndex, From: 1, To: 2, ID: 5})
	if _, payload := conn.hear(); len(payload) > 100 {
		t.Errorf("%d bytes came", len(payload))
	}
	l.Await(t, "a message is larger than Options.MaxMessage and was dropped")
}

func TestListenNamesTheAddress(t *testing.T) {
	a := open(t, "", tcp.Options{})
	if !strings.HasPrefix(a.Addr(), "127.0.0.1:") {
		t.Errorf("without an address it listens at %s", a.Addr())
	}
	for addr, says := range map[string]string{
		a.Addr():               "stop the process that listens there",
		"nowhere.invalid:7000": "nothing resolves this address",
		"127.0.0.1":            "missing port",
		"192.0.2.1:7000":       "listen at an address of this machine",
	} {
		_, err := tcp.Listen(addr, tcp.Options{})
		if err == nil || !strings.Contains(err.Error(), "listen at "+addr) || !strings.Contains(err.Error(), says) {
			t.Errorf("listen at %s: got %v, want a word of %q", addr, err, says)
		}
	}
}

// TestCloseLeavesNothingRunning closes in the middle of all that can be under way:
// dials that nobody answers, a writer that nobody reads from, a reader whose owner
// does not drain, a stranger that says nothing.
func TestCloseLeavesNothingRunning(t *testing.T) {
	reads, silent := impersonate(t, true), impersonate(t, false)
	a := openAs(t, 1, tcp.Options{HandshakeTimeout: time.Hour, InboxBytes: 1})
	nobody := wire.Peer{ID: 3, Addr: silent.Addr().String()}
	a.Connect([]wire.Peer{reads.peer(), nobody, {ID: 4, Addr: "192.0.2.1:7000"}, {ID: 5, Addr: "nowhere.invalid:1"}})
	trial.Await(t, a, "one connection", trial.Of(wire.ArrivedUp))
	for range 20 {
		a.Send(reads.peer(), &wire.Message{Kind: wire.Forward, From: 1, To: 2, Data: make([]byte, 1<<20)})
	}
	a.Send(wire.Peer{Addr: silent.Addr().String()}, &wire.Message{Kind: wire.Join, From: 1})
	dialRaw(t, a.Addr())
	r := shakeHands(t, a.Addr(), wire.LaneMessages)
	for n := range uint64(10) {
		r.say(frame(wire.FrameMessage, 0, message(n)))
	}
	<-a.Wake()
	<-silent.conns
	closed := make(chan struct{})
	go func() { a.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(trial.Eventually):
		t.Fatalf("Close does not return:\n%s", stacks())
	}
	// One that has said that it is done may still be on its way out.
	for deadline := time.Now().Add(trial.Eventually); ; runtime.Gosched() {
		running := stacks()
		if !strings.Contains(running, "tcp.(*Transport)") && !strings.Contains(running, "tcp.(*link)") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after Close there runs:\n%s", running)
		}
	}
}

// stacks are those of all goroutines that are not this test's own.
func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}
