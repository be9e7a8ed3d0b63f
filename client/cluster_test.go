package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/memory"
)

// ledger adds up, and keeps what it was given.
type ledger struct {
	*balsa.State[[]int, int, int]
}

func newLedger() *ledger {
	return &ledger{balsa.Func([]int(nil), func(all *[]int, _ balsa.Entry, add int) int {
		if add != 0 { // so that benchmarks measure no ledger
			*all = append(*all, add)
		}
		return sum(*all)
	})}
}

func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

var errNoSuchQuestion = errors.New("no such question")

// Query implements balsa.Querier.
func (l *ledger) Query(question []byte) ([]byte, error) {
	switch string(question) {
	case "sum":
		return json.Marshal(sum(l.Value))
	case "all":
		return json.Marshal(l.Value)
	}
	return nil, errNoSuchQuestion
}

type node = balsa.Node[*ledger, int, int]

// cluster is members in this process, each with a server on a loopback socket.
type cluster struct {
	testing.TB
	ctx     context.Context
	network *memory.Network
	members map[string]*member
}

// member is a node and its server; closed and opened again, it keeps address and disk.
type member struct {
	name   string
	addr   string // of the server
	disk   fsys.FS
	node   *node
	server *http.Server
	served sync.WaitGroup

	calls sync.Map // procedure → *atomic.Int64, how often it was asked for
	// around wraps the handler; it may be set while the server runs.
	around atomic.Pointer[func(http.Handler) http.Handler]
}

// found opens members that found a cluster, and waits for a leader.
func found(tb testing.TB, names ...string) *cluster {
	tb.Helper()
	c := prepare(tb, names...)
	for _, name := range names {
		c.open(name, nil)
	}
	c.leader()
	return c
}

// prepare is found without opening any.
func prepare(tb testing.TB, names ...string) *cluster {
	tb.Helper()
	noneLeft(tb)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	c := &cluster{TB: tb, ctx: ctx, network: memory.NewNetwork(1), members: map[string]*member{}}
	for _, name := range names {
		c.members[name] = &member{name: name, disk: fsys.NewMemory()}
	}
	tb.Cleanup(func() {
		for _, m := range c.members {
			c.stop(m.name)
		}
		cancel()
	})
	return c
}

// noneLeft checks at the end of a test that no goroutine of ours is left.
func noneLeft(tb testing.TB) {
	tb.Cleanup(func() {
		var left []string
		for range 200 {
			all := make([]byte, 4<<20)
			stacks := strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n")
			left = slices.DeleteFunc(stacks, func(s string) bool {
				return strings.Contains(s, "testing.") || !strings.Contains(s, "balsaraft/balsa") && !strings.Contains(s, "net/http")
			})
			if len(left) == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		tb.Errorf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
	})
}

func (c *cluster) names() []string { return slices.Sorted(maps.Keys(c.members)) }

func (c *cluster) addrs() (all []string) {
	for _, name := range c.names() {
		all = append(all, c.members[name].addr)
	}
	return all
}

func (c *cluster) open(name string, secure *tls.Config) {
	c.Helper()
	m := c.members[name]
	transport, err := c.network.Listen(name + ":1")
	if err != nil {
		c.Fatal(err)
	}
	cfg := balsa.Config{
		Name: name, Files: m.disk, Transport: transport, Advertise: name + ":1", Timing: balsa.Timing{Heartbeat: 50 * time.Millisecond, Election: 250 * time.Millisecond},
		Logger: slog.New(slog.DiscardHandler), Cluster: map[string]string{},
	}
	for _, founder := range c.names() {
		cfg.Cluster[founder] = founder + ":1"
	}
	if m.node, err = balsa.Open(c.ctx, cfg, newLedger()); err != nil {
		c.Fatalf("open %s: %v", name, err)
	}
	c.serve(m, secure)
}

// listen listens at an address; with "" where no connection's own port can be, for who
// comes back to it.
func listen(addr string) (l net.Listener, err error) {
	if addr != "" {
		return net.Listen("tcp", addr)
	}
	for range 100 {
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))); err == nil {
			break
		}
	}
	return l, err
}

// serve makes a member answer on its address.
func (c *cluster) serve(m *member, secure *tls.Config) {
	c.Helper()
	l, err := listen(m.addr)
	if err != nil {
		c.Fatal(err)
	}
	m.addr = l.Addr().String()
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	mux := http.NewServeMux()
	mux.Handle(rpc.Handler(m.node))
	m.server = &http.Server{
		Protocols: rpc.Protocols(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.count(r.URL.Path).Add(1)
			var h http.Handler = mux
			if around := m.around.Load(); around != nil {
				h = (*around)(h)
			}
			h.ServeHTTP(w, r)
		}),
	}
	server := m.server
	m.served.Go(func() { _ = server.Serve(l) })
}

func (m *member) count(path string) *atomic.Int64 {
	n, _ := m.calls.LoadOrStore(path[strings.LastIndex(path, "/")+1:], new(atomic.Int64))
	return n.(*atomic.Int64)
}

// stop ends a member in the middle of whatever it does.
func (c *cluster) stop(name string) {
	m := c.members[name]
	if m.server == nil {
		return
	}
	m.server.Close()
	m.served.Wait()
	m.node.Close()
	m.server = nil
}

// eventually waits until something holds.
func (c *cluster) eventually(what string, holds func() bool) {
	c.Helper()
	for c.ctx.Err() == nil {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.Fatalf("waited until the end of the test: %s", what)
}

// leader waits until all open members know the same leader, and names it.
func (c *cluster) leader() (name string) {
	c.Helper()
	c.eventually("a leader", func() bool {
		name = ""
		for _, m := range c.members {
			if m.server == nil {
				continue
			}
			s := m.node.Status()
			if s.Leader == "" || name != "" && s.Leader != name {
				return false
			}
			name = s.Leader
		}
		return c.members[name].server != nil && c.members[name].node.Status().Role == "leader"
	})
	return name
}

// dial makes a client that is closed before the members.
func (c *cluster) dial(addrs ...string) *Client[int, int] {
	c.Helper()
	return c.dialWith(Config{Addrs: addrs})
}

func (c *cluster) dialWith(cfg Config) *Client[int, int] {
	c.Helper()
	client, err := Open[int, int](c.ctx, cfg)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { client.Close() })
	return client
}

// applied is what the cluster has applied, after all that was acknowledged.
func (c *cluster) applied() (all []int) {
	c.Helper()
	err := c.members[c.leader()].node.Read(c.ctx, func(l *ledger) { all = slices.Clone(l.Value) })
	if err != nil {
		c.Fatal(err)
	}
	return all
}

func (c *cluster) soon(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(c.ctx, d)
	c.Cleanup(cancel)
	return ctx
}

// is checks which of the library's errors an error is.
func is(tb testing.TB, what string, err error, targets ...error) {
	tb.Helper()
	if errors.Is(err, balsa.ErrNotCommitted) == errors.Is(err, balsa.ErrUnknown) {
		tb.Errorf("%s: the error must be exactly one of ErrNotCommitted and ErrUnknown: %v", what, err)
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			tb.Errorf("%s: %v, want %v under it", what, err, target)
		}
	}
}

// dropAnswers lets calls of a procedure through, and then breaks the connection instead
// of answering, n times.
func dropAnswers(procedure string, n int64) *func(http.Handler) http.Handler {
	var left atomic.Int64
	left.Store(n)
	around := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/"+procedure) || left.Add(-1) < 0 {
				h.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(unheard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		})
	}
	return &around
}

// unheard is where answers go that nobody hears.
type unheard struct{ header http.Header }

func (u unheard) Header() http.Header         { return u.header }
func (u unheard) Write(b []byte) (int, error) { return len(b), nil }
func (u unheard) WriteHeader(int)             {}

func question(c balsa.Cluster[int, int], ctx context.Context, options ...balsa.ReadOption) (n int, err error) {
	answer, err := c.Query(ctx, []byte("sum"), options...)
	if err != nil {
		return 0, err
	}
	return n, json.Unmarshal(answer, &n)
}
