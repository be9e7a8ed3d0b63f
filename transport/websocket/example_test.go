package websocket_test

import (
	"context"
	"log"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/transport/websocket"
)

// A program is a member of a room: it talks to the others through an introducer, and joins
// the cluster of one of them.
func Example() {
	ctx, secret := context.Background(), []byte("32 random bytes that all share..")
	machine := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	transport, err := websocket.Meet(websocket.Options{Introducer: "wss://example.org", Room: "team-42", Secret: secret, Member: "server-1"})
	if err != nil {
		log.Fatal(err)
	}
	node, err := balsa.Open(ctx, balsa.Config{Dir: "data", Transport: transport, Join: []string{"room:a1b2"}}, machine)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
}
