package grpc_test

import (
	"testing"

	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/wire"
)

// mountAs is a transport of a member.
func mountAs(t testing.TB, id wire.MemberID, o grpc.Options) mounted {
	t.Helper()
	return trial.As(mount(t, "", o), id)
}

// pair is members 1 and 2; the first is connected to the second.
func pair(t testing.TB, a, b grpc.Options) (one, two mounted) {
	t.Helper()
	one, two = mountAs(t, 1, a), mountAs(t, 2, b)
	one.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
	trial.Await(t, one, "the connection", trial.Of(wire.ArrivedUp))
	return one, two
}
