//go:build unix

package tcp_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

func TestMain(m *testing.M) {
	trial.Main(m, func() trial.Transport {
		transport, err := tcp.Listen("127.0.0.1:0", tcp.Options{})
		if err != nil {
			panic(err)
		}
		return transport
	})
}

func TestAKilledProcessIsGone(t *testing.T) { trial.Killed(t, openAs(t, 1, tcp.Options{})) }

// TestAStoppedProcessIsNotGone stops the process for longer than a killed one takes to
// be noticed, and lets it go on.
func TestAStoppedProcessIsNotGone(t *testing.T) {
	a := openAs(t, 1, tcp.Options{})
	peer, process := trial.Another(t, a)
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process does not stop: %v", err)
	}
	a.Send(peer, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 2, ID: 1})
	time.Sleep(200 * time.Millisecond)
	for _, x := range a.Drain(nil) {
		if x.Kind != wire.ArrivedUp && x.Kind != wire.ArrivedGuest {
			t.Errorf("while it was stopped arrived %+v", x)
		}
	}
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	trial.Await(t, a, "the answer", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedDown {
			t.Errorf("arrived %+v", x)
		}
		return x.Kind == wire.ArrivedMessage && x.Message.ID == 1
	})
}
