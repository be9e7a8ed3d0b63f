// Command service is a user's own HTTP server, which keeps votes in a cluster, and offers
// the cluster's service beside its own pages, on one port.
//
//	service                                        a cluster of one member, on 127.0.0.1:8080
//	curl -X POST 127.0.0.1:8080/vote/tea           the program's own page
//	service -ask 127.0.0.1:8080 -vote tea          a caller outside, through package client
//	curl 127.0.0.1:8080/balsa.v1.Cluster/Status -H 'Content-Type: application/json' -d '{}'
//
// gRPC clients reach the service under the same address (rpc/balsav1/balsa.proto). A
// server of grpc-go is an http.Handler, too, and can stand here in the place of /vote/.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/client"
	"github.com/balsaraft/balsa/rpc"
)

// Votes is the state: how many there are for each choice. A command is a choice, its
// result the votes for it.
type Votes struct {
	*balsa.State[map[string]int, string, int]
}

func newVotes() Votes {
	return Votes{balsa.Func(map[string]int{}, func(votes *map[string]int, _ balsa.Entry, choice string) int {
		(*votes)[choice]++
		return (*votes)[choice]
	})}
}

// Query implements balsa.Querier: the question is a choice, "" for all of them.
func (v Votes) Query(choice []byte) ([]byte, error) {
	if len(choice) == 0 {
		return json.Marshal(v.Value)
	}
	return json.Marshal(v.Value[string(choice)])
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "the address of the server")
	ask := flag.String("ask", "", "be a caller: the address of a server")
	choice := flag.String("vote", "tea", "what to vote for as a caller")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *ask != "" {
		err = vote(ctx, *ask, *choice, os.Stdout)
	} else {
		err = serve(ctx, *listen, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

// serve offers the program's own pages and the cluster's service until ctx ends.
func serve(ctx context.Context, listen string, out io.Writer) error {
	node, err := balsa.Open(ctx, balsa.Config{Logger: slog.New(slog.DiscardHandler)}, newVotes())
	if err != nil {
		return err
	}
	defer node.Close()
	mux := http.NewServeMux()
	mux.Handle("POST /vote/{choice}", page(node))
	mux.Handle(rpc.Handler(node))
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %s\n", l.Addr())
	server := &http.Server{Handler: mux, Protocols: rpc.Protocols(), ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// page is the program's own. It asks for no more of a cluster than what node and client
// both are.
func page(votes balsa.Cluster[string, int]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := votes.Propose(r.Context(), r.PathValue("choice"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%d for %s\n", n, r.PathValue("choice"))
	}
}

// vote is a caller outside the cluster.
func vote(ctx context.Context, addr, choice string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.Dial[string, int](ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	n, err := c.Propose(ctx, choice)
	if err != nil {
		return err
	}
	all, err := c.Query(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d for %s, of all: %s\n", n, choice, all)
	return nil
}
