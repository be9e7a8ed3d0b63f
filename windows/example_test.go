package windows_test

import (
	"context"
	"log"
	"net/http"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/transport/websocket"
	"github.com/balsaraft/balsa/windows"
)

func newSum() *balsa.State[int, int, int] {
	return balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
}

// A server of a cluster opens a door for members that cannot be dialled.
func ExampleBeside() {
	ctx, secret := context.Background(), []byte("32 random bytes that all share..")
	machine, mux := newSum(), http.NewServeMux()
	founders := map[string]string{"a": "10.0.0.1:7000", "b": "10.0.0.2:7000", "c": "10.0.0.3:7000"}
	servers, err := tcp.Listen(founders["a"], tcp.Options{})
	if err != nil {
		log.Fatal(err)
	}
	transport, err := windows.Beside(servers, windows.Options{Room: "board", Secret: secret, Door: "wss://a.example.org"})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle(transport.Handler())
	node, err := balsa.Open(ctx, balsa.Config{Name: "a", Dir: "data", Cluster: founders, Transport: transport}, machine)
	if err != nil {
		log.Fatal(err)
	}
	go transport.Keep(ctx, node)
}

// What comes through that door: a program in a window, built for js/wasm, or elsewhere.
func Example_member() {
	ctx, secret := context.Background(), []byte("32 random bytes that all share..")
	machine, files, name := newSum(), fsys.NewMemory(), "window-1"
	doors := []string{"wss://a.example.org", "wss://b.example.org", "wss://c.example.org"}
	transport, err := websocket.Meet(websocket.Options{Servers: doors, Room: "board", Secret: secret, Member: name})
	if err != nil {
		log.Fatal(err)
	}
	node, err := balsa.Open(ctx, balsa.Config{Name: name, Files: files, Transport: transport, Join: []string{websocket.AnyServer}}, machine)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
}
