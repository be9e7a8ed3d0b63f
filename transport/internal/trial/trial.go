// Package trial is what the tests of transports have in common: a member's card, waiting
// for what arrives, what was logged, a member that is another process, and benchmarks.
package trial

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Eventually is how long a condition may take; nothing that works takes as long.
const Eventually = 20 * time.Second

// Cluster is that of all cards.
const Cluster wire.ClusterID = 0xc1

// Transport is one of a member that is tried.
type Transport interface {
	Introduce(wire.Card)
	Connect([]wire.Peer)
	Send(wire.Peer, *wire.Message)
	Drain([]wire.Arrival) []wire.Arrival
	Wake() <-chan struct{}
	Addr() string
}

// Place is where to listen at a port that is free, for who gives it up and comes back to
// it. On Linux it lies somewhere in the loopback network, where no connection takes the
// port for its own end meanwhile, as the many connections of other tests do elsewhere.
func Place() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
}

// Card is that of a member at an address.
func Card(id wire.MemberID, addr string) wire.Card {
	return wire.Card{Cluster: Cluster, ID: id, Incarnation: 1, Name: "m" + id.String(), Addr: addr}
}

// As introduces a transport as that of a member, and returns it.
func As[T Transport](t T, id wire.MemberID) T {
	t.Introduce(Card(id, t.Addr()))
	return t
}

// Await waits for an arrival; those before it are dropped.
func Await(t testing.TB, at Transport, what string, is func(wire.Arrival) bool) wire.Arrival {
	t.Helper()
	end := time.After(Eventually)
	for {
		for _, a := range at.Drain(nil) {
			if is(a) {
				return a
			}
		}
		select {
		case <-at.Wake():
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Of is an arrival of a kind, to be awaited.
func Of(k wire.ArrivalKind) func(wire.Arrival) bool {
	return func(a wire.Arrival) bool { return a.Kind == k }
}

// AwaitRefusal waits for a connection's refusal for a difference between the members.
func AwaitRefusal(t testing.TB, at Transport, what wire.Difference) *wire.HandshakeError {
	t.Helper()
	var err *wire.HandshakeError
	Await(t, at, "a refusal for the "+what.String(), func(a wire.Arrival) bool {
		return a.Kind == wire.ArrivedRefusal && errors.As(a.Err, &err) && err.What == what
	})
	return err
}
