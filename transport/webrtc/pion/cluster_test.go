package pion_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/webrtc/pion"
	"github.com/balsaraft/balsa/transport/websocket"
)

var _ websocket.Direct = (*pion.Direct)(nil)

const (
	secret   = "a secret of the test, and random"
	patience = 60 * time.Second
)

var silent = slog.New(slog.DiscardHandler)

// place is where members meet.
type place struct {
	url     string
	service *introducer.Service
	server  *httptest.Server
}

func introduce(t *testing.T) *place {
	t.Helper()
	s, err := introducer.New(introducer.Options{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{service: s, server: httptest.NewServer(s)}
	p.url = p.server.URL
	t.Cleanup(p.close)
	return p
}

func (p *place) close() {
	p.service.Close()
	p.server.CloseClientConnections()
	p.server.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// spied is a Direct that says how many streams went over it.
type spied struct {
	*pion.Direct
	streams atomic.Int64
}

func (s *spied) Dial(member string) (io.ReadWriteCloser, error) {
	c, err := s.Direct.Dial(member)
	if err == nil {
		s.streams.Add(1)
	}
	return c, err
}

func meet(t *testing.T, url, member string) (*websocket.Transport, *spied) {
	t.Helper()
	direct := &spied{Direct: pion.New(pion.Options{Logger: silent})}
	transport, err := websocket.Meet(websocket.Options{
		Introducer: url, Room: "kitchen", Secret: []byte(secret), Member: member, Direct: direct, Logger: silent,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	return transport, direct
}

type adder = balsa.Node[*balsa.State[[]byte, []byte, int], []byte, int]

// open is a member that adds texts to a text.
func open(t *testing.T, transport balsa.Transport, name string, change func(*balsa.Config)) *adder {
	t.Helper()
	cfg := balsa.Config{Name: name, Dir: t.TempDir(), Transport: transport, Logger: silent}
	change(&cfg)
	node, err := balsa.Open(t.Context(), cfg, balsa.Func([]byte{}, func(all *[]byte, _ balsa.Entry, more []byte) int {
		*all = append(*all, more...)
		return len(*all)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

func add(t *testing.T, node *adder, more string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := node.Propose(ctx, []byte(more)); err != nil || got != want {
		t.Fatalf("with %.20q there are %d, %v; want %d", more, got, err, want)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// Programs that meet in a room connect to each other, and go on when the introducer has
// gone.
func TestAClusterNeedsNoIntroducerOnceItIsConnected(t *testing.T) {
	p := introduce(t)
	nodes := map[string]*adder{}
	directs := map[string]*spied{}
	for _, name := range []string{"a", "b", "c"} {
		transport, direct := meet(t, p.url, name)
		directs[name] = direct
		nodes[name] = open(t, transport, name, func(cfg *balsa.Config) {
			cfg.Cluster = map[string]string{"a": "room:a", "b": "room:b", "c": "room:c"}
		})
	}
	add(t, nodes["a"], "one", 3)
	for name, d := range directs {
		await(t, name+" has streams to both others", func() bool { return d.streams.Load() >= 2 })
	}
	p.close()
	add(t, nodes["b"], "two", 6)
	large := strings.Repeat("much more than may be under way at once ", 20_000)
	add(t, nodes["c"], large, 6+len(large))
	nodes["a"].Close()
	add(t, nodes["b"], "three", 11+len(large))
}

// A member that is killed and comes back is connected to again.
func TestAMemberThatComesBackIsConnectedToAgain(t *testing.T) {
	p := introduce(t)
	ta, da := meet(t, p.url, "a")
	a := open(t, ta, "a", func(cfg *balsa.Config) { cfg.Cluster = map[string]string{"a": "room:a"} })
	tb, _ := meet(t, p.url, "b")
	dir := t.TempDir()
	joins := func(cfg *balsa.Config) { cfg.Dir, cfg.Join = dir, []string{"room:a"} }
	b := open(t, tb, "b", joins)
	add(t, b, "one", 3)
	await(t, "there is a direct stream", func() bool { return da.streams.Load() > 0 })
	b.Close()
	before := da.streams.Load()
	tb, _ = meet(t, p.url, "b")
	b = open(t, tb, "b", joins)
	add(t, b, "two", 6)
	await(t, "there is another one", func() bool { return da.streams.Load() > before })
	add(t, a, "three", 11)
}

// A transport that prefers direct connections keeps what any transport promises.
func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(t *testing.T) balsatest.Listen {
		p := introduce(t)
		return func(t *testing.T, addr string) balsatest.Transport {
			transport, _ := meet(t, p.url, strings.TrimPrefix(addr, room.Scheme))
			return transport
		}
	})
}

// Members of which one cannot connect directly are relayed.
func TestWhoCannotConnectDirectlyIsRelayed(t *testing.T) {
	p := introduce(t)
	ta, da := meet(t, p.url, "a")
	a := open(t, ta, "a", func(cfg *balsa.Config) { cfg.Cluster = map[string]string{"a": "room:a"} })
	tb, err := websocket.Meet(websocket.Options{Introducer: p.url, Room: "kitchen", Secret: []byte(secret), Member: "b", Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, tb, "b", func(cfg *balsa.Config) { cfg.Join = []string{"room:a"} })
	add(t, b, "one", 3)
	add(t, a, "two", 6)
	if da.streams.Load() > 0 {
		t.Error("there are direct streams to a member that has none")
	}
}
