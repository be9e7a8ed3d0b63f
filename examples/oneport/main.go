// Command oneport is a user's own HTTP server whose one port serves its pages, the
// callers of a cluster, and the other members of it.
//
//	L=127.0.0.1:8081,127.0.0.1:8082,127.0.0.1:8083
//	oneport -listen 127.0.0.1:8081 -members $L      three of them, each in a terminal of its own
//	oneport -listen 127.0.0.1:8082 -members $L
//	oneport -listen 127.0.0.1:8083 -members $L
//	curl -X POST 127.0.0.1:8082/vote/tea            the program's own page, at any of them
//	curl 127.0.0.1:8083/balsa.v1.Cluster/Status -H 'Content-Type: application/json' -d '{}'
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
)

// newVotes is the state machine of all members: how many votes there are for each choice.
func newVotes() *balsa.State[map[string]int, string, int] {
	return balsa.Func(map[string]int{}, func(votes *map[string]int, _ balsa.Entry, choice string) int {
		(*votes)[choice]++
		return (*votes)[choice]
	})
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8081", "the address of the server")
	members := flag.String("members", "", "the addresses of all servers, the same list for each; by default, this one alone")
	dir := flag.String("dir", "", "where to keep the votes; without it, in memory")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", *listen)
	if err == nil {
		err = serve(ctx, l, strings.Split(cmp.Or(*members, *listen), ","), *dir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "oneport:", err)
		os.Exit(1)
	}
}

// serve is a member and its server, until ctx ends.
func serve(ctx context.Context, l net.Listener, members []string, dir string, out io.Writer) error {
	addr := l.Addr().String()
	transport, err := grpc.New(grpc.Options{Addr: addr})
	if err != nil {
		return err
	}
	cfg := balsa.Config{Name: addr, Dir: dir, Cluster: map[string]string{}, Transport: transport,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	for _, other := range members {
		cfg.Cluster[other] = other // an address is as good a name as any
	}
	node, err := balsa.Open(ctx, cfg, newVotes())
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(transport.Handler()) // other members
	mux.Handle(rpc.Handler(node))   // callers of the cluster
	mux.HandleFunc("POST /vote/{choice}", func(w http.ResponseWriter, r *http.Request) {
		n, err := node.Propose(r.Context(), r.PathValue("choice"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%d for %s\n", n, r.PathValue("choice"))
	})
	server := &http.Server{Handler: mux, Protocols: rpc.Protocols(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(out, "listening on %s\n", addr)
	// The member goes first: the requests of others last for as long as it does.
	stop := context.AfterFunc(ctx, func() { node.Close(); server.Close() })
	err = server.Serve(l)
	if stop() {
		node.Close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
