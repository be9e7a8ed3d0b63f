package websocket

import (
	"errors"
	"testing"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/wire"
)

// Who shares the secret is let in, and says what it likes; but what it says is its own.
func TestNobodyGoesByAnothersName(t *testing.T) {
	url := introduce(t, introducer.Options{})
	honest, liar := meet(t, Options{Introducer: url, Member: "honest"}), meet(t, Options{Introducer: url, Member: "liar"})
	honest.Introduce(wire.Card{Cluster: 1, ID: 1, Incarnation: 1, Name: "honest", Addr: honest.Addr()})
	liar.Introduce(wire.Card{Cluster: 1, ID: 2, Incarnation: 1, Name: "victim", Addr: "room:victim"})
	liar.Connect([]wire.Peer{{ID: 1, Addr: honest.Addr()}})
	var arrived []wire.Arrival
	await(t, "the liar is refused, and told why", func() bool {
		for _, a := range honest.Drain(nil) {
			if a.Kind == wire.ArrivedGuest || a.Kind == wire.ArrivedMessage {
				t.Fatalf("the liar was taken for %s", a.Card)
			}
		}
		arrived = liar.Drain(arrived)
		for _, a := range arrived {
			var refusal *wire.HandshakeError
			if a.Kind == wire.ArrivedUp {
				t.Fatal("the liar is up")
			}
			if a.Kind == wire.ArrivedRefusal && errors.As(a.Err, &refusal) && refusal.What == wire.DifferentSecurity {
				return true
			}
		}
		return false
	})
}
