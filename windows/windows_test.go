package windows_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/transport/websocket"
	"github.com/balsaraft/balsa/windows"
	"github.com/balsaraft/balsa/wire"
)

const (
	kitchen  = "kitchen"
	secret   = "a secret of the test, and random"
	patience = 60 * time.Second
)

var silent = slog.New(slog.DiscardHandler)

// adder is a member whose state is a sum.
type adder = balsa.Node[*balsa.State[int, int, int], int, int]

func open(t *testing.T, cfg balsa.Config) *adder {
	t.Helper()
	cfg.Logger = silent
	node, err := balsa.Open(t.Context(), cfg, balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

func add(t *testing.T, node *adder, n, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := node.Propose(ctx, n); err != nil || got != want {
		t.Fatalf("after %d more there are %d, %v; want %d", n, got, err, want)
	}
}

func read(t *testing.T, node *adder, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := 0
	if err := node.Read(ctx, func(sum *balsa.State[int, int, int]) { got = sum.Value }); err != nil || got != want {
		t.Fatalf("read %d, %v; want %d", got, err, want)
	}
}

// await waits until something is as it should be.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// company is three servers, each with a door for windows.
type company struct {
	nodes      []*adder
	transports []*windows.Transport
	doors      []string // where windows reach them
}

func openCompany(t *testing.T, opts windows.Options) *company {
	t.Helper()
	c := &company{}
	founders := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		founders[name] = c.door(t, opts)
	}
	for i, name := range []string{"a", "b", "c"} {
		c.serve(t, c.transports[i], balsa.Config{Name: name, Cluster: founders})
	}
	return c
}

// door opens a server's door, and says where other servers reach it.
func (c *company) door(t *testing.T, opts windows.Options) (addr string) {
	t.Helper()
	servers, err := tcp.Listen("", tcp.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	door := httptest.NewServer(mux)
	t.Cleanup(door.Close)
	opts.Room, opts.Secret, opts.Logger = kitchen, []byte(secret), silent
	opts.Door = "ws" + strings.TrimPrefix(door.URL, "http")
	transport, err := windows.Beside(servers, opts)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle(transport.Handler())
	c.transports, c.doors = append(c.transports, transport), append(c.doors, door.URL)
	return servers.Addr()
}

// serve opens the node behind a door.
func (c *company) serve(t *testing.T, transport *windows.Transport, cfg balsa.Config) {
	t.Helper()
	cfg.Dir, cfg.Transport = t.TempDir(), transport
	node := open(t, cfg)
	go transport.Keep(t.Context(), node)
	c.nodes = append(c.nodes, node)
}

// inside is how many WebSockets of windows the servers hold.
func (c *company) inside() (n int) {
	for _, transport := range c.transports {
		n += transport.Windows()
	}
	return n
}

func meet(t *testing.T, o websocket.Options) *websocket.Transport {
	t.Helper()
	o.Logger = silent
	if o.Room == "" {
		o.Room, o.Secret = kitchen, []byte(secret)
	}
	transport, err := websocket.Meet(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	return transport
}

// window is a member that only dials.
func (c *company) window(t *testing.T, name, dir string) *adder {
	t.Helper()
	return enter(t, name, dir, c.doors...)
}

// enter opens a window that knows some doors.
func enter(t *testing.T, name, dir string, doors ...string) *adder {
	t.Helper()
	return open(t, balsa.Config{
		Name: name, Dir: dir, Join: []string{websocket.AnyServer},
		Transport: meet(t, websocket.Options{Servers: doors, Member: name}),
	})
}

func (c *company) leader(t *testing.T) int {
	t.Helper()
	leader := -1
	await(t, "there is a leader", func() bool {
		for i, n := range c.nodes {
			if n.Status().Role == "leader" {
				leader = i
			}
		}
		return leader >= 0
	})
	return leader
}

// roles are those of the members as one of them knows them, by name.
func roles(node *adder) map[string]string {
	all := map[string]string{}
	for _, m := range node.Status().Members {
		all[m.Name] = m.Role
	}
	return all
}

func TestWindowsHoldTheStateAndProposeAndDoNotVote(t *testing.T) {
	c := openCompany(t, windows.Options{})
	add(t, c.nodes[0], 1, 1)
	w1, w2 := c.window(t, "w1", t.TempDir()), c.window(t, "w2", t.TempDir())
	add(t, w1, 2, 3)
	add(t, w2, 3, 6)
	for _, node := range append(c.nodes, w1, w2) {
		read(t, node, 6)
	}

	// Two voters would do for two windows more, and a server that goes leaves room.
	leading := c.leader(t)
	c.nodes[leading].Close()
	add(t, w1, 4, 10)
	add(t, w2, 5, 15)
	rest := c.nodes[(leading+1)%3]
	await(t, "the windows have caught up", func() bool { return w1.Status().Applied == w2.Status().Applied })
	for name, role := range roles(rest) {
		if want := map[bool]string{true: "learner", false: "voter"}[name[0] == 'w']; role != want {
			t.Errorf("%s is a %s, not a %s", name, role, want)
		}
	}
	read(t, w2, 15)
}

func TestAWindowComesBackAsTheMemberThatItWas(t *testing.T) {
	c := openCompany(t, windows.Options{})
	dir := t.TempDir()
	w := c.window(t, "w", dir)
	add(t, w, 1, 1)
	id := w.Status().ID
	w.Close()
	add(t, c.nodes[0], 2, 3)
	w = c.window(t, "w", dir)
	read(t, w, 3)
	if now := w.Status().ID; now != id {
		t.Errorf("it is member %s, and was %s", now, id)
	}
}

func TestAWindowThatKnowsOneServerFindsTheOthers(t *testing.T) {
	c := openCompany(t, windows.Options{})
	w := enter(t, "w", t.TempDir(), c.doors[0])
	add(t, w, 1, 1)
	await(t, "it is at each server's door", func() bool { return c.inside() == 3 })
	c.nodes[0].Close()
	add(t, w, 2, 3)
	read(t, w, 3)
}

// A server that joins has a door, too, of which windows hear that are here already.
func TestAWindowFindsAServerThatJoins(t *testing.T) {
	c := openCompany(t, windows.Options{})
	w := enter(t, "w", t.TempDir(), c.doors[1])
	add(t, w, 1, 1)
	c.door(t, windows.Options{})
	c.serve(t, c.transports[3], balsa.Config{Name: "d", Join: []string{c.nodes[0].Status().Addr}})
	await(t, "it is at the new door, too", func() bool { return c.inside() == 4 })
	add(t, w, 2, 3)
}

// Nobody knocks for ever where nobody lives any more; doors that it was given stay.
func TestAWindowLeavesTheDoorOfAServerThatWasRemoved(t *testing.T) {
	c := openCompany(t, windows.Options{})
	w := enter(t, "w", t.TempDir(), c.doors[0])
	add(t, w, 1, 1) // it knows who the members are
	await(t, "it is at each server's door", func() bool { return c.inside() == 3 })
	if err := c.nodes[0].RemoveMember(t.Context(), c.nodes[2].Status().ID); err != nil {
		t.Fatal(err)
	}
	await(t, "it has left the door of c", func() bool { return c.transports[2].Windows() == 0 })
	if err := c.nodes[1].RemoveMember(t.Context(), c.nodes[0].Status().ID); err != nil {
		t.Fatal(err)
	}
	await(t, "it is where it was told to be, and at b", func() bool { return c.transports[0].Windows() == 1 && c.transports[1].Windows() == 1 })
}

// A page that one server hands out goes on with the others when that one is gone.
func TestPagesAtADoorMayUseTheOthers(t *testing.T) {
	c := openCompany(t, windows.Options{Origins: []string{"https://example.org"}})
	may := func(origin string, at int) bool { return c.transports[at].LetsIn(origin) }
	for at := range c.doors {
		for _, door := range c.doors {
			await(t, door+" is known at each door", func() bool { return may(door, at) })
		}
		for _, origin := range []string{"https://evil.example", c.doors[0] + "0", strings.Replace(c.doors[0], "http", "https", 1), "null"} {
			if may(origin, at) {
				t.Errorf("pages of %s are let in", origin)
			}
		}
		if !may("https://example.org", at) {
			t.Error("pages that were named are not let in")
		}
	}
	if err := c.nodes[0].RemoveMember(t.Context(), c.nodes[2].Status().ID); err != nil {
		t.Fatal(err)
	}
	await(t, "pages of one that was removed are strangers", func() bool { return !may(c.doors[2], 0) && !may(c.doors[2], 1) })
}

func TestAWindowThatMissedMuchGetsASnapshot(t *testing.T) {
	c := openCompany(t, windows.Options{})
	for i := range 3 {
		add(t, c.nodes[0], 1, i+1)
		for _, node := range c.nodes {
			if err := node.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := c.window(t, "w", t.TempDir())
	read(t, w, 3)
	if w.Status().Snapshot == 0 {
		t.Error("the servers' logs begin after a snapshot, and the window has none")
	}
}

// Where windows may vote, they are promoted, and even lead: they reach each other
// through the servers then.
func TestWindowsVoteWhereThatIsAskedFor(t *testing.T) {
	c := openCompany(t, windows.Options{Voters: true})
	w1, w2 := c.window(t, "w1", t.TempDir()), c.window(t, "w2", t.TempDir())
	await(t, "both vote", func() bool { r := roles(w1); return r["w1"] == "voter" && r["w2"] == "voter" })
	await(t, "one leads", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return c.nodes[0].TransferLeadership(ctx, w1.Status().ID) == nil && w1.Status().Role == "leader"
	})
	add(t, w2, 1, 1)
	add(t, c.nodes[2], 2, 3)
	read(t, w2, 3)
}

func TestAWindowThatStaysAwayIsForgotten(t *testing.T) {
	c := openCompany(t, windows.Options{Forget: time.Second})
	w := c.window(t, "w", t.TempDir())
	add(t, w, 1, 1)
	w.Close()
	await(t, "it is forgotten", func() bool { _, in := roles(c.nodes[0])["w"]; return !in })
}

func TestWhoDoesNotKnowTheSecretIsToldSo(t *testing.T) {
	c := openCompany(t, windows.Options{})
	stranger := meet(t, websocket.Options{Servers: c.doors, Room: kitchen, Secret: []byte("another secret, as good as the first")})
	await(t, "it is told", func() bool { return errors.Is(stranger.Err(), room.WrongRoom) })
}

func TestATokenMayBeAskedFor(t *testing.T) {
	key := []byte("a key of thirty-two random bytes")
	c := openCompany(t, windows.Options{TokenKey: key})
	without := meet(t, websocket.Options{Servers: c.doors})
	await(t, "who has none is told so", func() bool { return errors.Is(without.Err(), room.TokenMissing) })
	keys, err := room.Derive(kitchen, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	with := meet(t, websocket.Options{Servers: c.doors, Token: func(context.Context) (string, error) {
		return introducer.NewToken(keys.ID(), "", time.Minute).Sign(key), nil
	}})
	await(t, "who has one is in", func() bool { return with.Err() == nil })
}

// refusals are what a window is told by those that it introduces itself to.
func refusals(t *testing.T, w *websocket.Transport, card wire.Card) error {
	t.Helper()
	w.Introduce(card)
	var refused error
	await(t, "it is refused", func() bool {
		w.Send(wire.Peer{Addr: websocket.AnyServer}, &wire.Message{Kind: wire.Join, Data: []byte("let me in")})
		for _, a := range w.Drain(nil) {
			if a.Kind == wire.ArrivedRefusal {
				refused = a.Err
			}
		}
		return refused != nil
	})
	return refused
}

func TestAWindowCannotSayThatItIsAServer(t *testing.T) {
	c := openCompany(t, windows.Options{})
	add(t, c.nodes[0], 1, 1)
	server := c.nodes[1].Status()
	liar := wire.Card{Cluster: server.Cluster, Incarnation: 1, Name: "w"}

	w := meet(t, websocket.Options{Servers: c.doors[:1], Member: "w"})
	liar.ID, liar.Addr = server.ID, w.Addr()
	// It hears of the other doors, and the server that it says it is has words of its own.
	if err := refusals(t, w, liar); !says(err, "the identity of a server") && !says(err, "both ends are member") {
		t.Errorf("with a server's identity: %v", err)
	}
	w = meet(t, websocket.Options{Servers: c.doors[:1], Member: "v"})
	liar.ID, liar.Addr = 12345, server.Addr
	if err := refusals(t, w, liar); !says(err, "the stream comes from room:v") {
		t.Errorf("with a server's address: %v", err)
	}
	w = meet(t, websocket.Options{Servers: c.doors[:1], Member: room.ServerName(server.Addr)})
	await(t, "a server's name is refused", func() bool { return errors.Is(w.Err(), room.BadMessage) })
}

// Servers have among each other what they would have without windows.
func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(t *testing.T) balsatest.Listen {
		return func(t *testing.T, addr string) balsatest.Transport {
			servers, err := tcp.Listen(addr, tcp.Options{Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			transport, err := windows.Beside(servers, windows.Options{Room: kitchen, Secret: []byte(secret), Logger: silent})
			if err != nil {
				t.Fatal(err)
			}
			return transport
		}
	})
}

func TestOptionsThatAreNotGoodAreNamed(t *testing.T) {
	good := windows.Options{Room: kitchen, Secret: []byte(secret)}
	for want, change := range map[string]func(*windows.Options){
		"Options.Room":    func(o *windows.Options) { o.Room = "" },
		"random bytes":    func(o *windows.Options) { o.Secret = []byte("short") },
		"https://example": func(o *windows.Options) { o.Origins = []string{"example.org"} },
		"Options.Door":    func(o *windows.Options) { o.Door = "https://a.example.org" },
		"key of tokens":   func(o *windows.Options) { o.TokenKey = []byte("short") },
	} {
		o := good
		change(&o)
		if _, err := windows.Beside(nil, o); !says(err, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func says(err error, want string) bool { return err != nil && strings.Contains(err.Error(), want) }
