package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// newStore is a store on a member that is alone, in memory.
func newStore(t testing.TB) kv.Store {
	t.Helper()
	node, err := balsa.Open(t.Context(), balsa.Config{MaxCommand: kv.MaxCommand}, kv.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { defer close(kept); kv.KeepTime(ctx, node) }()
	t.Cleanup(func() { cancel(); <-kept; node.Close() })
	return kv.NewStore(node)
}

// echoes answer lines that begin with say and end with bye, and have no store.
type echoes struct{}

func (echoes) Knows(word string) bool { return word == "say" || word == "bye" }

func (echoes) Answer(_ context.Context, _ kv.Store, line string) (string, bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch strings.ToLower(word) {
	case "":
		return "", true
	case "say":
		return "Ok: " + rest + "\n", true
	case "bye":
		return "Ok: bye\n", false
	}
	return "Error: unknown command\n", true
}

// start serves a store on a free port until the test ends.
func start(t testing.TB, store kv.Store, cfg Config) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	if cfg.Lines == nil {
		cfg.Lines = echoes{}
	}
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
	net.Conn
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
	return &client{c, bufio.NewReader(c), t}
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

// answers sends and compares what comes back, byte for byte.
func (c *client) answers(send, want string) {
	c.t.Helper()
	c.send(send)
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.in, got)
	if err != nil || string(got) != want {
		c.t.Fatalf("%q is answered %q (%v), want %q", send, got[:n], err, want)
	}
}

// array spells a command as clients send it.
func array(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return b.String()
}

func TestWordsAndProtocolShareAConnection(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.answers("say hello\nPING\r\n"+array("SET", "k", "v")+"SAY  two \r\nget k\nnonsense\n\n"+array("get", "k"),
		"Ok: hello\n+PONG\r\n+OK\r\nOk:  two \n$1\r\nv\r\nError: unknown command\n$1\r\nv\r\n")
	c.answers("ping hello\r\nset 'a b' \"\\x41\"\r\nget 'a b'\r\n", "$5\r\nhello\r\n+OK\r\n$1\r\nA\r\n")
	c.answers("bye\nsay more\n", "Ok: bye\n")
	c.ends()
}

func TestALineThatComesInPiecesIsOneLine(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.answers("ping\nsay on", "+PONG\r\n") // the answer to the first does not wait for the rest of the second
	c.answers("e\n", "Ok: one\n")
}

func TestTheLastLineNeedsNoEnd(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	c := dial(t, addr)
	c.send("ping\nsay k")
	c.Conn.(*net.TCPConn).CloseWrite()
	if got := c.line() + c.line(); got != "+PONG\r\nOk: k\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
}

func TestAnOverlongLineIsAnsweredAndEndsTheConnection(t *testing.T) {
	_, addr := start(t, newStore(t), Config{MaxLine: 100})
	c := dial(t, addr)
	c.answers("say "+strings.Repeat("v", 96)+"\r\n", "Ok: "+strings.Repeat("v", 96)+"\n") // just as long as allowed
	c.send("say " + strings.Repeat("w", 4<<20) + "\nsay more\n")
	if got := c.line(); !strings.HasPrefix(got, "Error: the line is longer than 100 bytes, which ends this connection") {
		t.Fatalf("%q", got)
	}
	c.ends()
}

func TestSilentConnectionsEnd(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Idle: 50 * time.Millisecond})
	c := dial(t, addr)
	c.send("say half a line")
	if got := c.line(); got != "Error: no line came for 50ms, which ends this connection\n" {
		t.Fatalf("%q", got)
	}
	c.ends()
	c = dial(t, addr)
	c.answers(array("PING")+"*1\r\n$4\r\nPI", "+PONG\r\n")
	c.ends() // it would take words for an answer
}

// A client that sends a byte now and then does not keep its place for it.
func TestAByteNowAndThenIsNoCommand(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Idle: 100 * time.Millisecond})
	c := dial(t, addr)
	begun := time.Now()
	for time.Since(begun) < 10*time.Second {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := c.in.ReadByte(); err == nil {
			return // it says why, and ends
		}
	}
	t.Fatal("the connection lives")
}

func TestConnectionsOverTheLimitAreTurnedAway(t *testing.T) {
	_, addr := start(t, newStore(t), Config{MaxConns: 2})
	first, second := dial(t, addr), dial(t, addr)
	for _, c := range []*client{first, second} {
		c.answers("ping\n", "+PONG\r\n")
	}
	third := dial(t, addr)
	if got := third.line(); !strings.HasPrefix(got, "-ERR max number of clients reached") {
		t.Fatalf("%q", got)
	}
	third.ends()
	first.answers("quit\n", "+OK\r\n")
	first.ends()
	first.Close()
	for { // the place becomes free once the first one's goroutine has seen its end
		c := dial(t, addr)
		io.WriteString(c, "ping\n")
		if got, _ := c.in.ReadString('\n'); got == "+PONG\r\n" {
			break
		}
	}
}

// Answers that nobody reads end the connection; so do notifications.
func TestWhoNeverReadsIsLetGo(t *testing.T) {
	store := newStore(t)
	s, addr := start(t, store, Config{Unread: 50 * time.Millisecond})
	value := make([]byte, kv.MaxValue)
	if _, err := store.Put(t.Context(), "k", value); err != nil {
		t.Fatal(err)
	}
	for _, send := range []string{
		strings.Repeat(array("GET", "k"), 100),
		strings.Repeat(array("MGET", "k", "k", "k"), 30) + array("SET", "k", "v"),
		array("HELLO", "3") + array("PSUBSCRIBE", "*") + strings.Repeat(array("SET", strings.Repeat("x", kv.MaxKey), ""), 4000),
	} {
		c := dial(t, addr)
		c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		go io.WriteString(c, send) // which may fail half way
		for s.lastID.Load() == 0 || s.clients() == 0 {
			time.Sleep(time.Millisecond)
		}
		for until := time.Now().Add(30 * time.Second); s.clients() > 0; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%.30q: the connection lives", send)
			}
		}
	}
}

// What is no command ends the connection with a reason; what is too large is answered,
// and the connection goes on.
func TestBrokenInputIsAnsweredAndEndsTheConnection(t *testing.T) {
	_, addr := start(t, newStore(t), Config{})
	for send, want := range map[string]string{
		"*-9999999999999999999\r\n":                  "-ERR Protocol error: invalid multibulk length\r\n",
		"*x\r\n":                                     "-ERR Protocol error: invalid multibulk length\r\n",
		"*1048577\r\n":                               "-ERR Protocol error: invalid multibulk length\r\n",
		"*1\r\n$-1\r\n":                              "-ERR Protocol error: invalid bulk length\r\n",
		"*1\r\n$99999999999\r\n":                     "-ERR Protocol error: invalid bulk length\r\n",
		"*1\r\n:1\r\n":                               "-ERR Protocol error: expected '$', got ':'\r\n",
		"*1\r\n$4\r\nPINGPONG\r\n":                   "-ERR Protocol error: an argument is longer than it says\r\n",
		strings.Repeat("*1\r\n", 10_000):             "-ERR Protocol error: expected '$', got '*'\r\n",
		"*" + strings.Repeat("1", 1<<20):             "-ERR Protocol error: too big mbulk count string\r\n",
		"*1\r\n$" + strings.Repeat("1", 1<<20):       "-ERR Protocol error: too big bulk count string\r\n",
		array("PING") + "*1\r\n\r\n" + array("PING"): "+PONG\r\n-ERR Protocol error: expected '$', got '\\n'\r\n",
		"set 'k\r\n":                                 "-ERR Protocol error: unbalanced quotes in request\r\n",
	} {
		c := dial(t, addr)
		c.answers(send, want)
		c.ends()
	}
}

func TestWhatIsTooLargeIsAnsweredAndTheConnectionGoesOn(t *testing.T) {
	s, addr := start(t, newStore(t), Config{MaxHeld: 3 << 20})
	c := dial(t, addr)
	large := strings.Repeat("x", kv.MaxValue+1)
	for _, send := range []string{
		array("SET", "k", large),
		array("MSET", "a", large[1:], "b", large[1:], "c", large[1:], "d", large[1:], "e", large[1:]),
		array("MSET", "a", large[1:], "b", large[1:], "c", large[1:], "d", "more than is granted"),
		array(append([]string{"DEL"}, make([]string, 30_000)...)...),
		array(append([]string{"DEL"}, strings.Split(strings.Repeat("k ", 10_001), " ")...)...),
		array("SET", "k", "v", "EX", "1", "PX", "1"),
		array("SET", "", "v"),
		array("GET", strings.Repeat("k", kv.MaxKey+1)),
		"*0\r\n*-1\r\n" + array("GET"),
	} {
		c.send(send)
		if got := c.line(); !strings.HasPrefix(got, "-ERR ") || len(got) > 300 {
			t.Errorf("%.40q is answered %.300q", send, got)
		}
		c.answers(array("PING"), "+PONG\r\n")
	}
	c.answers(array("SET", "k", large[1:]), "+OK\r\n")
	c.Close()
	for s.clients() > 0 {
		time.Sleep(time.Millisecond)
	}
	if held := s.held.Load(); held != 0 {
		t.Errorf("%d bytes are held for nobody", held)
	}
}

// A client that claims much and sends little costs little.
func TestClaimsCostNothing(t *testing.T) {
	b := usual
	b.line = 100
	p := newParser(b, func(int) bool { return true })
	if _, _, _, err := p.take([]byte("*20000\r\n$1048576\r\nx")); err != nil {
		t.Fatal(err)
	}
	if cap(p.arg) > spare || cap(p.now.args) > 16 {
		t.Errorf("room for %d bytes and %d arguments is made", cap(p.arg), cap(p.now.args))
	}
}

func TestAPasswordIsAskedOfEverybody(t *testing.T) {
	_, addr := start(t, newStore(t), Config{Password: "secret"})
	c := dial(t, addr)
	c.answers(array("GET", "k"), "-"+string(errAuth)+"\r\n")
	c.answers("say k\n", "Error: this member asks for a password: auth PASSWORD\n")
	c.answers(array("AUTH", "wrong"), "-"+wrongPassword+"\r\n")
	c.answers(array("AUTH", "somebody", "secret"), "-"+wrongPassword+"\r\n")
	c.send(array("HELLO", "3"))
	if got := c.line(); !strings.HasPrefix(got, "-NOAUTH ") {
		t.Fatalf("%q", got)
	}
	c.send(array("AUTH", strings.Repeat("x", 1<<20)))
	if got := c.line(); !strings.HasPrefix(got, "-ERR an argument of 1048576 bytes") {
		t.Fatalf("%q", got)
	}
	c.answers(array("AUTH", "secret")+array("SET", "k", "v")+array("GET", "k"), "+OK\r\n+OK\r\n$1\r\nv\r\n")
	c.answers("say k\n", "Ok: k\n")
	c.answers(array("RESET")+array("GET", "k"), "+RESET\r\n-"+string(errAuth)+"\r\n")
	c.answers("auth secret\r\nsay k\n", "+OK\r\nOk: k\n")
	_, open := start(t, newStore(t), Config{})
	c = dial(t, open)
	c.send(array("AUTH", "any"))
	if got := c.line(); !strings.HasPrefix(got, "-ERR AUTH <password> called without any password configured") {
		t.Fatalf("%q", got)
	}
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
	silent.answers("say k\n", "Ok: k\n")
	c.send(array("GET", "k"))
	<-store.entered
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	if got := silent.line(); got != "Error: this member is shutting down; ask another one\n" {
		t.Fatalf("%q", got)
	}
	close(store.letGo)
	c.answers("", "$4\r\nlate\r\n")
	c.ends()
	silent.ends()
	c.Close()
	silent.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// stuckLines answer when they are let go.
type stuckLines struct {
	echoes
	entered, letGo chan struct{}
}

func (l stuckLines) Answer(ctx context.Context, store kv.Store, line string) (string, bool) {
	l.entered <- struct{}{}
	<-l.letGo
	return l.echoes.Answer(ctx, store, line)
}

func TestShutdownIsToldBehindTheAnswerToALine(t *testing.T) {
	lines := stuckLines{entered: make(chan struct{}), letGo: make(chan struct{})}
	s, addr := start(t, newStore(t), Config{Lines: lines})
	c := dial(t, addr)
	c.send("say k\n")
	<-lines.entered
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	<-s.closed
	close(lines.letGo)
	c.answers("", "Ok: k\nError: this member is shutting down; ask another one\n")
	c.ends()
	c.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestShutdownGivesUpWhenItsContextEnds(t *testing.T) {
	store := stuckStore{entered: make(chan struct{})}
	s, addr := start(t, store, Config{Timeout: time.Hour})
	c := dial(t, addr)
	c.send(array("GET", "k"))
	<-store.entered
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if err := s.Shutdown(ctx); !errors.Is(err, enough) {
		t.Fatalf("%v, want the cause", err)
	}
}

// A page in a browser can send to any port: what follows its headers is no command.
func TestRequestsOfHTTPEndTheConnection(t *testing.T) {
	store := newStore(t)
	_, addr := start(t, store, Config{})
	for _, head := range []string{"POST / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nHost: 127.0.0.1:6380\r\n", "get / HTTP/1.1\r\nhOST: localhost\r\n"} {
		c := dial(t, addr)
		c.send(head + "\r\nSET k v\r\n" + array("SET", "k", "v"))
		got, err := io.ReadAll(c.in)
		if err != nil || !strings.HasSuffix(string(got), "-ERR this port speaks the protocol of Redis, and no HTTP\r\n") {
			t.Errorf("%q is answered %q, %v", head, got, err)
		}
	}
	if _, err := store.Get(t.Context(), "k"); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("a page has written a key: %v", err)
	}
}
