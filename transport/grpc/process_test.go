//go:build unix

package grpc_test

import (
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/wire"
)

func TestMain(m *testing.M) {
	trial.Main(m, func() trial.Transport {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		transport, err := grpc.New(grpc.Options{Addr: l.Addr().String()})
		if err != nil {
			panic(err)
		}
		mux := http.NewServeMux()
		mux.Handle(transport.Handler())
		go (&http.Server{Handler: mux, Protocols: rpc.Protocols()}).Serve(l)
		return transport
	})
}

func TestAKilledProcessIsGone(t *testing.T) { trial.Killed(t, mountAs(t, 1, grpc.Options{})) }

// TestAStoppedProcessIsNotGone stops the process until its silence is noticed, and lets it
// go on: what answers pings is the process itself, unlike over TCP.
func TestAStoppedProcessIsNotGone(t *testing.T) {
	one := mountAs(t, 1, grpc.Options{})
	peer, process := trial.Another(t, one)
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if down := trial.Await(t, one, "the end", trial.Of(wire.ArrivedDown)); down.Gone {
		t.Errorf("while it was stopped arrived %+v", down)
	}
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	trial.Await(t, one, "the connection again", trial.Of(wire.ArrivedUp))
	one.Send(peer, &wire.Message{Kind: wire.ReadIndex, From: 1, To: 2, ID: 1})
	trial.Await(t, one, "the answer", func(x wire.Arrival) bool { return x.Kind == wire.ArrivedMessage && x.Message.ID == 1 })
}
