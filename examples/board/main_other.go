//go:build !js

// Command board is a board of notes that servers keep, and everybody's browser too: each
// window is a member of the cluster, with all notes on its own device, and runs the state
// machine that the servers run.
//
//	GOOS=js GOARCH=wasm go build -o page/board.wasm . && cp $(go env GOROOT)/lib/wasm/wasm_exec.js page
//	C=a=127.0.0.1:7001,b=127.0.0.1:7002,c=127.0.0.1:7003; D=http://127.0.0.1:8081,http://127.0.0.1:8082,http://127.0.0.1:8083
//	board -name a -cluster $C -doors $D -secret "some random words, which nobody guesses"
//	board -name b -cluster $C -doors $D -secret …     each in a terminal of its own
//	board -name c -cluster $C -doors $D -secret …
//
// Then open http://127.0.0.1:8081/#secret=… in one window, and the next door in another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/examples/board/notes"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/windows"
)

// board is one of its servers.
type board struct {
	name, dir, secret, page string
	cluster                 map[string]string
	doors                   []string // of all servers, in the order of their names
}

func main() {
	b := board{cluster: map[string]string{}}
	flag.StringVar(&b.name, "name", "a", "the name of this server")
	flag.StringVar(&b.dir, "dir", "", "where to keep the notes; without it, in memory")
	flag.StringVar(&b.secret, "secret", "", "what lets windows in, at least 16 random bytes")
	flag.StringVar(&b.page, "page", "page", "the directory with the page, board.wasm and wasm_exec.js")
	cluster := flag.String("cluster", "a=127.0.0.1:7001", "names of the servers and where they reach each other, by commas")
	doors := flag.String("doors", "http://127.0.0.1:8081", "where browsers reach the servers, in the order of their names, by commas")
	flag.Parse()
	b.doors = strings.Split(*doors, ",")
	for entry := range strings.SplitSeq(*cluster, ",") {
		name, addr, _ := strings.Cut(entry, "=")
		b.cluster[name] = addr
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "board:", err)
		os.Exit(1)
	}
}

// serve is a member, the door for windows beside it, and the page, until ctx ends.
func (b board) serve(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	l, err := b.listen()
	if err != nil {
		return err
	}
	servers, err := tcp.Listen(b.cluster[b.name], tcp.Options{Logger: log})
	if err != nil {
		return err
	}
	// The page of one server dials all of them.
	transport, err := windows.Beside(servers, windows.Options{Room: "board", Secret: []byte(b.secret), Origins: b.doors, Logger: log})
	if err != nil {
		return errors.Join(err, servers.Close())
	}
	node, err := balsa.Open(ctx, balsa.Config{Name: b.name, Dir: b.dir, Cluster: b.cluster, Transport: transport, Logger: log}, notes.New())
	if err != nil {
		return err
	}
	go transport.Keep(ctx, node)
	mux := http.NewServeMux()
	mux.Handle(transport.Handler())
	mux.HandleFunc("GET /doors", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Join(b.doors, " ")) })
	mux.Handle("GET /", http.FileServer(http.Dir(b.page)))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Printf("the board hangs at http://%s/\n", l.Addr())
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

// listen takes the port of this server's door.
func (b board) listen() (net.Listener, error) {
	at := slices.Index(slices.Sorted(maps.Keys(b.cluster)), b.name)
	if at < 0 || at >= len(b.doors) {
		return nil, fmt.Errorf("-cluster and -doors have to say where %s is", b.name)
	}
	door, err := url.Parse(b.doors[at])
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", door.Host)
}
