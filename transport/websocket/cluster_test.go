package websocket

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/trial"
)

var _ balsa.Transport = (*Transport)(nil)

const patience = 60 * time.Second

type adder = balsa.Node[*balsa.State[int, int, int], int, int]

func openNode(t *testing.T, url, name string, change func(*balsa.Config)) *adder {
	t.Helper()
	cfg := balsa.Config{
		Name: name, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		Transport: meet(t, Options{Introducer: url, Member: name}),
	}
	change(&cfg)
	node, err := balsa.Open(t.Context(), cfg, balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

func founders(cfg *balsa.Config) {
	cfg.Cluster = map[string]string{"a": "room:a", "b": "room:b", "c": "room:c"}
}

func add(t *testing.T, node *adder, n, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := node.Propose(ctx, n); err != nil || got != want {
		t.Fatalf("after %d more there are %d, %v; want %d", n, got, err, want)
	}
}

// Members that nobody can dial found a cluster, are joined by another one, go on without
// the introducer's help as soon as it is back, and without one of them. Who is told of that one
// alone is taken in by another: scenario acquaintance-gone.
func TestAClusterLivesInARoom(t *testing.T) {
	door := openDoor(t)
	nodes := map[string]*adder{}
	for _, name := range []string{"a", "b", "c"} {
		nodes[name] = openNode(t, door.url, name, founders)
	}
	add(t, nodes["a"], 1, 1)
	add(t, nodes["b"], 2, 3)
	d := openNode(t, door.url, "d", func(cfg *balsa.Config) { cfg.Join = []string{"room:b"} })
	add(t, d, 3, 6)

	door.restart(t)
	add(t, nodes["c"], 4, 10)
	add(t, d, 5, 15)

	nodes["a"].Close()
	add(t, nodes["b"], 6, 21)

	e := openNode(t, door.url, "e", func(cfg *balsa.Config) { cfg.Join = []string{"room:a", AnyMember} })
	add(t, e, 7, 28)
}

// door is an introducer at an address that stays while it is restarted.
type door struct {
	url     string
	service *introducer.Service
	server  *http.Server
}

func openDoor(t *testing.T) *door {
	t.Helper()
	l, err := net.Listen("tcp", trial.Place())
	if err != nil {
		t.Fatal(err)
	}
	d := &door{url: "http://" + l.Addr().String()}
	d.serve(t, l, introducer.Options{})
	t.Cleanup(d.close)
	return d
}

func (d *door) serve(t *testing.T, l net.Listener, o introducer.Options) {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	var err error
	if d.service, err = introducer.New(o); err != nil {
		t.Fatal(err)
	}
	d.server = &http.Server{Handler: d.service}
	go d.server.Serve(l)
}

func (d *door) close() {
	d.service.Close()
	d.server.Close()
}

// restart has a new introducer at the address, which knows nothing.
func (d *door) restart(t *testing.T) {
	t.Helper()
	d.close()
	l, err := net.Listen("tcp", d.url[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	d.serve(t, l, introducer.Options{})
}

// await waits until a member's state is as it should be.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func TestWhoseNameIsTakenStaysOut(t *testing.T) {
	url := introduce(t, introducer.Options{})
	first := meet(t, Options{Introducer: url, Member: "a"})
	await(t, "the first is in", func() bool { return first.Err() == nil })
	second := meet(t, Options{Introducer: url, Member: "a"})
	await(t, "the first is displaced", func() bool { return errors.Is(first.Err(), room.Displaced) })
	await(t, "the second is in", func() bool { return second.Err() == nil })
	time.Sleep(2 * leastPause) // the first would be back by now
	if second.Err() != nil || !errors.Is(first.Err(), room.Displaced) {
		t.Errorf("the second is out because of %v, the first because of %v", second.Err(), first.Err())
	}
}

func TestATokenIsAskedForOnceAndResumesLater(t *testing.T) {
	key := []byte("a key of thirty-two random bytes")
	url := introduce(t, introducer.Options{TokenKey: key})
	keys, err := room.Derive("kitchen", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	without := meet(t, Options{Introducer: url})
	await(t, "who has no token is told so", func() bool { return errors.Is(without.Err(), room.TokenMissing) })
	asked := make(chan struct{}, 10)
	with := meet(t, Options{Introducer: url, Member: "a", Token: func(context.Context) (string, error) {
		asked <- struct{}{}
		return introducer.NewToken(keys.ID(), "a", time.Minute).Sign(key), nil
	}})
	await(t, "who has a token is in", func() bool { return with.Err() == nil })
	with.seats.all[0].mu.Lock()
	former := with.seats.all[0].session
	with.seats.all[0].mu.Unlock()
	former.conn.CloseNow()
	await(t, "it is back", func() bool {
		with.seats.all[0].mu.Lock()
		defer with.seats.all[0].mu.Unlock()
		return with.seats.all[0].session != nil && with.seats.all[0].session != former
	})
	if len(asked) != 1 {
		t.Errorf("a token was asked for %d times", len(asked))
	}
}

func TestAnotherSecretIsAnotherRoom(t *testing.T) {
	url := introduce(t, introducer.Options{})
	a := meet(t, Options{Introducer: url, Member: "a"})
	b := meet(t, Options{Introducer: url, Member: "b", Room: "kitchen", Secret: []byte("another secret, as good as the first")})
	await(t, "both are in", func() bool { return a.Err() == nil && b.Err() == nil })
	if _, err := a.seats.find("room:b"); !errors.Is(err, errAbsent) {
		t.Errorf("a finds b: %v", err)
	}
}

func TestOptionsThatAreNotGoodAreNamed(t *testing.T) {
	good := Options{Introducer: "wss://example.org", Room: "kitchen", Secret: []byte(secret)}
	for want, change := range map[string]func(*Options){
		"Options.Introducer": func(o *Options) { o.Introducer = "example.org" },
		"must start with ws": func(o *Options) { o.Introducer = "tcp://example.org" },
		"Options.Member":     func(o *Options) { o.Member = "a b" },
		"random bytes":       func(o *Options) { o.Secret = []byte("short") },
		"Options.Room":       func(o *Options) { o.Room = "" },
		"MaxMessage":         func(o *Options) { o.MaxMessage = -1 },
	} {
		o := good
		change(&o)
		if _, err := Meet(o); err == nil || !contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
