package text

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// newStore is a store on a member that is alone, in memory.
func newStore(t *testing.T) kv.Store {
	t.Helper()
	node, err := balsa.Open(t.Context(), balsa.Config{MaxCommand: kv.MaxCommand}, kv.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return kv.NewStore(node)
}

// start serves a store on a free port until the test ends.
func start(t *testing.T, store kv.Store, cfg Config) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	s := NewServer(store, cfg)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

type client struct {
	*net.TCPConn
	in *bufio.Reader
	t  *testing.T
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{c.(*net.TCPConn), bufio.NewReader(c), t}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) line() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

func (c *client) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("the connection did not just end: %q, %v", rest, err)
	}
}

func TestEveryLineIsAnsweredAsDocumented(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	for _, step := range []struct{ send, want string }{
		{"get 1\n", "^Error: value does not exist\n$"},
		{"put 1 bar\n", `^Ok: Appended at \d+\n$`},
		{"get 1\n", "^Ok: bar\n$"},
		{"GET 1\r\n", "^Ok: bar\n$"},
		{"get 1 \n", "^Ok: bar\n$"},
		{"put 2 with  spaces \n", `^Ok: Appended at \d+\n$`},
		{"get 2\n", "^Ok: with  spaces \n$"},
		{"put 3 crlf\r\n", `^Ok: Appended at \d+\n$`},
		{"get 3\n", "^Ok: crlf\n$"},
		{"put 4 \n", `^Ok: Appended at \d+\n$`},
		{"get 4\n", "^Ok: \n$"},
		{"del 4\n", `^Ok: Appended at \d+\n$`},
		{"del 4\n", "^Error: value does not exist\n$"},
		{"cas 1 foo baz\n", "^Error: value is not \"foo\"\n$"},
		{"get 1\n", "^Ok: bar\n$"},
		{"cas 1 bar baz qux\n", `^Ok: Appended at \d+\n$`},
		{"get 1\n", "^Ok: baz qux\n$"},
		{"cas 9 bar baz\n", "^Error: value does not exist\n$"},
		{"PING\r\n", "^\\+PONG\r\n$"},
		{"ping\n", "^\\+PONG\r\n$"},
		{"\n\r\nping\n", "^\\+PONG\r\n$"},
		{"put\n", "^Error: put needs a key and a value: put KEY VALUE\n$"},
		{"put 1\n", "^Error: put needs a key and a value"},
		{"put  x\n", "^Error: put needs a key and a value"},
		{"get\n", "^Error: get needs a key"},
		{"get a b\n", "^Error: get needs a key, which has no spaces"},
		{"del\n", "^Error: del needs a key"},
		{"cas 1 bar\n", "^Error: cas needs a key, the old value"},
		{"scan a b\n", "^Error: scan takes one prefix"},
		{"frobnicate 1\n", "^Error: unknown command \"frobnicate\"; try help\n$"},
		{"\x00\xff\n", `^Error: unknown command "\\x00\\xff"; try help` + "\n$"},
		{"put " + strings.Repeat("k", kv.MaxKey+1) + " v\n", "^Error: the key has 1025 bytes, the limit is 1024\n$"},
	} {
		c.send(step.send)
		if got := c.line(); !regexp.MustCompile(step.want).MatchString(got) {
			t.Errorf("%q is answered %q, want %s", step.send, got, step.want)
		}
	}
	c.send("quit\n")
	if got := c.line(); got != "Ok: bye\n" {
		t.Errorf("quit is answered %q", got)
	}
	c.ends()
}

func TestPingWithAMessageIsEchoedAsRedisDoes(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.send("PING hello\r\n")
	if got := c.line() + c.line(); got != "$5\r\nhello\r\n" {
		t.Fatalf("%q", got)
	}
}

func TestAppendedIndexesGrow(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	last := 0
	for range 3 {
		c.send("put 1 bar\n")
		var index int
		if _, err := fmt.Sscanf(c.line(), "Ok: Appended at %d\n", &index); err != nil || index <= last {
			t.Fatalf("index %d after %d, %v", index, last, err)
		}
		last = index
	}
}

func TestLinesThatComeTogetherAreAnsweredInOrder(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	var all strings.Builder
	for i := range 200 {
		fmt.Fprintf(&all, "put k v%d\nget k\n", i)
	}
	c.send(all.String())
	for i := range 200 {
		if got := c.line(); !strings.HasPrefix(got, "Ok: Appended at ") {
			t.Fatalf("put %d: %q", i, got)
		}
		if got := c.line(); got != fmt.Sprintf("Ok: v%d\n", i) {
			t.Fatalf("get %d: %q", i, got)
		}
	}
}

func TestALineThatComesInPiecesIsOneLine(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.send("ping\nput k on")
	c.line() // the answer to the first does not wait for the rest of the second
	c.send("e\nget k\n")
	c.line()
	if got := c.line(); got != "Ok: one\n" {
		t.Fatalf("%q", got)
	}
}

func TestTheLastLineNeedsNoEnd(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.send("put k v\nget k")
	c.CloseWrite()
	c.line()
	if got := c.line(); got != "Ok: v\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
}

func TestScanShowsKeysInOrderAndQuotesWhatIsNoText(t *testing.T) {
	store := newStore(t)
	for key, value := range map[string]string{"a2": "two", "a1": "one\nline", "a 3": "\xff", "b": "x"} {
		if _, err := store.Put(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	_, addr := start(t, store, Config{})
	c := dial(t, addr)
	c.send("scan a\n")
	if got, want := c.line()+c.line()+c.line()+c.line(), "Ok: 3 keys\n\"a 3\" \"\\xff\"\na1 \"one\\nline\"\na2 two\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.send("scan b\nscan nothing\n")
	if got, want := c.line()+c.line()+c.line(), "Ok: 1 key\nb x\nOk: 0 keys\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnOverlongLineIsAnsweredAndEndsTheConnection(t *testing.T) {
	_, addr := start(t, newStore(t), Config{MaxLine: 100})
	c := dial(t, addr)
	c.send("put k " + strings.Repeat("v", 94) + "\r\n") // just as long as allowed
	if got := c.line(); !strings.HasPrefix(got, "Ok: Appended") {
		t.Fatalf("%q", got)
	}
	c.send("put k " + strings.Repeat("w", 1<<20) + "\nget k\n")
	if got := c.line(); got != "Error: the line is longer than 100 bytes, which ends this connection; put larger values over HTTP\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
	other := dial(t, addr)
	other.send("get k\n")
	if got := other.line(); strings.Contains(got, "w") {
		t.Fatalf("a part of the overlong line was carried out: %q", got)
	}
}

func TestSilentConnectionsEnd(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Idle: 50 * time.Millisecond})
	c := dial(t, addr)
	c.send("put k half a line")
	if got := c.line(); got != "Error: no line came for 50ms, which ends this connection\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
}

func TestConnectionsOverTheLimitAreTurnedAway(t *testing.T) {
	_, addr := start(t, newStore(t), Config{MaxConns: 2})
	first, second := dial(t, addr), dial(t, addr)
	for _, c := range []*client{first, second} {
		c.send("ping\n")
		c.line()
	}
	third := dial(t, addr)
	if got := third.line(); !strings.HasPrefix(got, "Error: this member serves 2 connections already") {
		t.Fatalf("%q", got)
	}
	third.ends()
	first.send("quit\n")
	first.line()
	first.ends()
	first.Close()
	for { // the place becomes free once the first one's goroutine has seen its end
		c := dial(t, addr)
		c.send("ping\n")
		if got, _ := c.in.ReadString('\n'); got == "+PONG\r\n" {
			break
		}
	}
}

func TestRedisClientsAreToldWhatThePortTakes(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.send("*1\r\n$4\r\nPING\r\n")
	if got := c.line(); !strings.HasPrefix(got, "-ERR this port takes lines") {
		t.Fatalf("%q", got)
	}
	c.ends()
}

// stuckStore answers gets when it is let go, or when the context ends.
type stuckStore struct {
	kv.Store
	entered chan struct{}
	letGo   chan struct{}
}

func (s stuckStore) Get(ctx context.Context, key string) (kv.Item, error) {
	s.entered <- struct{}{}
	select {
	case <-s.letGo:
		return kv.Item{Key: key, Value: []byte("late")}, nil
	case <-ctx.Done():
		return kv.Item{}, fmt.Errorf("read: %w: %w", balsa.ErrNotCommitted, context.Cause(ctx))
	}
}

func TestShutdownLetsACommandUnderWayFinish(t *testing.T) {
	store := stuckStore{entered: make(chan struct{}), letGo: make(chan struct{})}
	s, addr := start(t, store, Config{})
	c, silent := dial(t, addr), dial(t, addr)
	silent.send("ping\n")
	silent.line()
	c.send("get k\n")
	<-store.entered
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	if got := silent.line(); got != "Error: this member is shutting down; ask another one\n" {
		t.Fatalf("%q", got)
	}
	close(store.letGo)
	if got := c.line(); got != "Ok: late\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
	silent.ends()
	c.Close()
	silent.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestShutdownGivesUpWhenItsContextEnds(t *testing.T) {
	store := stuckStore{entered: make(chan struct{})}
	s, addr := start(t, store, Config{Timeout: time.Hour})
	c := dial(t, addr)
	c.send("get k\n")
	<-store.entered
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if err := s.Shutdown(ctx); !errors.Is(err, enough) {
		t.Fatalf("%v, want the cause", err)
	}
}

// failingStore fails every put with one error.
type failingStore struct {
	kv.Store
	err error
}

func (s failingStore) Put(context.Context, string, []byte, ...kv.Condition) (balsa.Index, error) {
	return 0, s.err
}

func TestErrorsSayWhetherItHappened(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("balsa: propose: %w: %w", balsa.ErrNotCommitted, balsa.ErrNoLeader), "Error: balsa: propose: not committed: no leader; nothing was changed, try again\n"},
		{fmt.Errorf("balsa: propose: %w: a\nb", balsa.ErrUnknown), "Error: balsa: propose: outcome unknown: a; b; get the key to see whether it has happened\n"},
	} {
		reply, goOn := answer(t.Context(), failingStore{err: c.err}, "put k v")
		if reply != c.want || !goOn {
			t.Errorf("%q, %v; want %q", reply, goOn, c.want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, line := range []string{"put 1 bar", "get 1", "cas 1 bar baz", "scan", "ping x", "help", "quit", "*1", ""} {
		f.Add(line)
	}
	store := failingStore{err: balsa.ErrUnknown}
	f.Fuzz(func(t *testing.T, line string) {
		if word, _, _ := strings.Cut(strings.ToLower(line), " "); word == "get" || word == "del" || word == "scan" {
			return // these need a store
		}
		if reply, _ := answer(t.Context(), store, line); reply != "" && !strings.HasSuffix(reply, "\n") {
			t.Fatalf("%q is answered without a line's end: %q", line, reply)
		}
	})
}
