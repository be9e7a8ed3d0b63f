package client_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/rpc"
)

// A member's server, and a caller outside, which has the same Propose as a node.
func Example() {
	ctx := context.Background()
	sum := balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total })
	node, err := balsa.Open(ctx, balsa.Config{Logger: slog.New(slog.DiscardHandler)}, sum)
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()

	mux := http.NewServeMux()
	mux.Handle(rpc.Handler(node)) // gRPC, gRPC-Web, and JSON over HTTP, under /balsa.v1.Cluster/
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = rpc.Protocols()
	server.Start()
	defer server.Close()

	c, err := client.Dial[int, int](ctx, server.Listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	total, err := c.Propose(ctx, 5) // to the leader, exactly once
	fmt.Println(total, err)
	// Output: 5 <nil>
}
