package websocket

import (
	"strings"
	"testing"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/wire"
)

// TestAMemberThatLeavesIsNoWarning: windows are closed all day.
func TestAMemberThatLeavesIsNoWarning(t *testing.T) {
	url := introduce(t, introducer.Options{})
	var said trial.Log
	stays := trial.As(meet(t, Options{Introducer: url, Member: "stays", Logger: said.Logger()}), 1)
	leaves := trial.As(meet(t, Options{Introducer: url, Member: "leaves"}), 2)
	stays.Connect([]wire.Peer{{ID: 2, Addr: leaves.Addr()}})
	trial.Await(t, stays, "the connection", trial.Of(wire.ArrivedUp))
	leaves.Close()
	said.Await(t, "a member has left, and may come back")
	if strings.Contains(said.String(), "level=WARN") {
		t.Errorf("a warning:\n%s", said.String())
	}
}
