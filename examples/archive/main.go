// Command archive is a member of a cluster of windows that is never closed: it holds what
// they share while all of them are away, and serves it as JSON.
//
//	balsa introduce                     prints a room and its secret
//	archive -reducer todos.js -room demo -secret … -introducer ws://127.0.0.1:3000 -dir archive
//	curl 127.0.0.1:8080
//
// It connects to the windows directly, over WebRTC, and runs their reducer, a module that
// exports initial and apply.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/reducer"
	"github.com/balsaraft/balsa/steward"
	"github.com/balsaraft/balsa/transport/webrtc/pion"
	"github.com/balsaraft/balsa/transport/websocket"
)

// archive is what the flags say.
type archive struct {
	name, dir, listen, reducer string
	room                       websocket.Options
}

func main() {
	var a archive
	flag.StringVar(&a.name, "name", "archive", "the name of this member")
	flag.StringVar(&a.dir, "dir", "archive", "where to keep what windows share")
	flag.StringVar(&a.listen, "listen", "127.0.0.1:8080", "where to serve it")
	flag.StringVar(&a.reducer, "reducer", "reducer.js", "the module of the windows' reducer")
	flag.StringVar(&a.room.Introducer, "introducer", "ws://127.0.0.1:3000", "where windows meet")
	flag.StringVar(&a.room.Room, "room", "demo", "the room's name")
	secret := flag.String("secret", "", "the room's secret")
	flag.Parse()
	a.room.Secret = []byte(*secret)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := a.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func (a archive) run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	source, err := os.ReadFile(a.reducer)
	if err != nil {
		return err
	}
	machine, err := reducer.Load(filepath.Base(a.reducer), string(source))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", a.listen)
	if err != nil {
		return err
	}
	defer l.Close()
	node, err := a.open(ctx, machine, log)
	if err != nil {
		return err
	}
	// Windows come and go without a word; whoever leads looks after who votes.
	go steward.Keep(ctx, node, steward.OfWindows(), nil)
	server := &http.Server{Handler: show(node), ReadHeaderTimeout: 10 * time.Second}
	fmt.Printf("the archive is open at http://%s/\n", l.Addr())
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err = server.Serve(l); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, node.Close())
}

// node is this member.
type node = balsa.Node[*reducer.Machine, []byte, []byte]

// open goes into the room, and joins who is there; the first there founds the cluster. A
// member that was there before takes part again, whatever it finds.
func (a archive) open(ctx context.Context, machine *reducer.Machine, log *slog.Logger) (*node, error) {
	a.room.Member, a.room.Logger = a.name, log
	a.room.Direct = pion.New(pion.Options{Logger: log})
	transport, err := websocket.Meet(a.room)
	if err != nil {
		return nil, err
	}
	cfg := balsa.Config{
		Name: a.name, Dir: a.dir, Transport: transport, Logger: log,
		Timing:    balsa.Timing{Heartbeat: 150 * time.Millisecond, Election: 700 * time.Millisecond}, // that of windows
		MaxVoters: -1,                                                                                // the steward's business
	}
	if _, err := os.Stat(filepath.Join(a.dir, "member")); errors.Is(err, os.ErrNotExist) {
		if cfg.Join, err = transport.Others(ctx); err != nil {
			return nil, errors.Join(err, transport.Close())
		}
		if len(cfg.Join) == 0 {
			cfg.Cluster = map[string]string{a.name: transport.Addr()}
		}
	}
	return balsa.Open(ctx, cfg, machine)
}

// show serves the state, as new as any window had it when the question came.
func show(n *node) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		var state []byte
		var unreadable error
		err := n.Read(ctx, func(m *reducer.Machine) { state, unreadable = m.JSON() })
		if err := cmp.Or(err, unreadable); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(state)
	})
}
