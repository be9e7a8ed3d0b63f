package http

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/unread"
)

func TestConnectionsAreCounted(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.Config = newServer(NewHandler(Config{Store: newLonely(t), Member: wellMember{}}), slog.New(slog.DiscardHandler), 2)
	s.Start()
	t.Cleanup(s.Close)
	connect := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		return c
	}
	ask := func(c net.Conn) string {
		t.Helper()
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		return string(b[:n])
	}
	first, second := connect(), connect()
	for _, c := range []net.Conn{first, second} {
		if got := ask(c); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
			t.Fatalf("%q", got)
		}
	}
	said, _ := io.ReadAll(connect())
	if !strings.HasPrefix(string(said), "HTTP/1.1 503 ") || !strings.Contains(string(said), `{"error":{"code":"overloaded","message":"this member serves 2 connections already`) {
		t.Errorf("one too many is told %q", said)
	}
	if got := ask(second); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("those that are served: %q", got)
	}
	first.Close()
	for late := time.Now().Add(20 * time.Second); ; { // the place becomes free once the server has seen the end
		if strings.HasPrefix(ask(connect()), "HTTP/1.1 200 ") {
			break
		}
		if time.Now().After(late) {
			t.Fatal("a connection that has ended still counts")
		}
	}
}

// Who sends its head byte by byte, or none, is not waited for; one that is too long is
// refused.
func TestHeadsAreBoundedInTimeAndLength(t *testing.T) {
	for what, sent := range map[string]string{"a head that does not end": "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "nothing": ""} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			server := NewServer(NewHandler(Config{Store: newLonely(t), Member: wellMember{}}), slog.New(slog.DiscardHandler))
			go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
			defer server.Close()
			go io.WriteString(ours, sent)
			began := time.Now()
			if said, _ := io.ReadAll(ours); strings.Contains(string(said), "200 OK") || time.Since(began) > 10*time.Second {
				t.Errorf("%s: %q after %s", what, said, time.Since(began))
			}
		})
	}
	base, _ := startAlone(t, nil)
	r := do(t, "GET", base+"/healthz", "", "X", strings.Repeat("x", 32<<10))
	if r.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%+v", r)
	}
}

// slow is a store whose commands wait.
type slow struct {
	kv.Store
	begun, goOn chan struct{}
}

func (s slow) Do(ctx context.Context, c kv.Command) (kv.Result, error) {
	s.begun <- struct{}{}
	<-s.goOn
	return s.Store.Do(ctx, c)
}

// Bodies together are bounded: what is too much is refused, and small requests are served.
func TestBodiesThatAreHeldAreCounted(t *testing.T) {
	store := slow{newLonely(t), make(chan struct{}, 1), make(chan struct{})}
	base, _ := startAlone(t, func(c *Config) { c.Store, c.MaxHeld = store, 1000 })
	first := make(chan response, 1)
	go func() { first <- do(t, "PUT", base+"/kv/first", strings.Repeat("x", 900)) }()
	<-store.begun
	for _, path := range []string{"/kv/second", "/txn"} {
		method := map[bool]string{true: "PUT", false: "POST"}[path != "/txn"]
		body := `{"then":[{"op":"set","key":"k","value":"` + strings.Repeat("x", 900) + `"}]}`
		if r := do(t, method, base+path, body); r.status != 503 || r.code() != "overloaded" || !strings.Contains(r.body, "nothing was changed") {
			t.Errorf("%s meanwhile: %+v", path, r)
		}
	}
	if r := do(t, "GET", base+"/kv/first", ""); r.status != 404 {
		t.Errorf("what is small: %+v", r)
	}
	close(store.goOn)
	if r := <-first; r.status != 200 {
		t.Errorf("the first: %+v", r)
	}
	if r := do(t, "PUT", base+"/kv/second", strings.Repeat("x", 900)); r.status != 200 {
		t.Errorf("after it: %+v", r)
	}
}

// narrow is a listener whose connections hold little of what is not read, so that whoever
// writes has to wait.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return c, err
}

// Answers that nobody reads are bounded, too: what is too much is refused before anything has
// happened, what is small is served, and all is again once they are read.
func TestAnswersThatAreNotReadAreCounted(t *testing.T) {
	const size, most = 1 << 20, 8 << 20
	store := newLonely(t)
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(NewHandler(Config{Store: store, Member: wellMember{}, MaxHeld: most}), slog.New(slog.DiscardHandler))
	s.Listener = narrow{s.Listener}
	s.Start()
	t.Cleanup(s.Close)
	base := s.URL
	for _, key := range []string{"large", "page/1"} {
		if _, err := store.Put(t.Context(), key, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Put(t.Context(), "small", []byte("x")); err != nil {
		t.Fatal(err)
	}
	const counts = `{"then":[{"op":"get","key":"large"},{"op":"add","key":"counter","delta":1}]}`
	var unread []net.Conn
	for range most / size {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprint(c, "GET /kv/large HTTP/1.1\r\nHost: localhost\r\n\r\n")
		begins := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(c, begins); err != nil || string(begins) != "HTTP/1.1 200" {
			t.Fatalf("an answer that nobody reads begins with %q, %v", begins, err)
		}
		unread = append(unread, c)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for late := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("%s: not in 20 seconds", what)
			}
		}
	}
	refused := func(r response) bool {
		return r.status == 503 && r.code() == "overloaded" && strings.Contains(r.body, "nothing was changed")
	}
	if r := do(t, "GET", base+"/kv/large", ""); !refused(r) {
		t.Errorf("a large value meanwhile: %d %.200s", r.status, r.body)
	}
	if r := do(t, "GET", base+"/kv/?prefix=page/", ""); !refused(r) {
		t.Errorf("a page meanwhile: %d %.200s", r.status, r.body)
	}
	if r := do(t, "POST", base+"/txn", counts); !refused(r) {
		t.Errorf("a transaction meanwhile: %d %.200s", r.status, r.body)
	}
	if r := do(t, "GET", base+"/kv/small", ""); r.status != 200 || r.body != "x" {
		t.Errorf("what is small: %+v", r)
	}
	if r := do(t, "GET", base+"/kv/?prefix=small", ""); r.status != 200 {
		t.Errorf("a small page: %+v", r)
	}
	for _, c := range unread {
		c.Close()
	}
	eventually("a large value is served again", func() bool { return do(t, "GET", base+"/kv/large", "").status == 200 })
	eventually("a transaction is carried out", func() bool { return do(t, "POST", base+"/txn", counts).status == 200 })
	if i, err := store.Get(t.Context(), "counter"); err != nil || string(i.Value) != "1" {
		t.Errorf("the counter is %s, %v: a transaction that was refused has happened", i.Value, err)
	}
}

// What watches send counts among it, and so does what services beside this face write. A watch
// that ends for it has missed nothing: it goes on where it was.
func TestWatchesAndServicesThatAreNotReadAreCounted(t *testing.T) {
	const size, most = 1 << 20, 4<<20 + 1<<10 // whoever comes last finds room for a key, too
	store := newLonely(t)
	h := NewHandler(Config{Store: store, Member: wellMember{}, MaxHeld: most, Guarded: map[string]http.Handler{
		"/beside": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if unread.In(r.Context(), nil).Full() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Write(make([]byte, size))
		}),
	}}).(handler)
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(h, slog.New(slog.DiscardHandler))
	s.Listener = narrow{s.Listener}
	s.Start()
	t.Cleanup(s.Close)
	var slow []net.Conn
	begin := func(path string) {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(time.Minute))
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
		begins := make([]byte, len("HTTP/1.1 200"))
		if _, err := io.ReadFull(c, begins); err != nil || string(begins) != "HTTP/1.1 200" {
			t.Fatalf("%s that nobody reads begins with %q, %v", path, begins, err)
		}
		slow = append(slow, c)
	}
	eventually := func(what string, is func() bool) {
		t.Helper()
		for late := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("%s: not in a minute", what)
			}
		}
	}
	for range most / size / 2 {
		begin("/watch?prefix=large")
	}
	put, err := store.Put(t.Context(), "large", make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	for range most/size/2 - 1 {
		begin("/beside")
	}
	if h.answers.Full() {
		t.Error("it is full before there is too much")
	}
	begin("/beside")
	eventually("what watches and the service hold is counted", h.answers.Full)
	if r := do(t, "GET", s.URL+"/beside", ""); r.status != 503 {
		t.Errorf("a service that asks: %d", r.status)
	}
	again := s.URL + "/watch?from=" + fmt.Sprint(uint64(put))
	ended, _ := openWatch(t, again)
	if got := ended.next(); !strings.HasPrefix(got, "event: end\ndata: ") || !strings.Contains(got, `"code":"overloaded"`) {
		t.Errorf("a watch for which there is no room gets %.200q", got)
	}
	small, _ := openWatch(t, s.URL+"/watch?prefix=small")
	if _, err := store.Put(t.Context(), "small", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := small.next(); !strings.Contains(got, `"key":"small"`) {
		t.Errorf("a watch of what is small gets %.200q", got)
	}
	for _, c := range slow {
		c.Close()
	}
	eventually("there is room again", func() bool { return !h.answers.Full() })
	resumed, _ := openWatch(t, again)
	if got := resumed.next(); !strings.HasPrefix(got, "id: "+fmt.Sprint(uint64(put))+"\n") || len(got) < size {
		t.Errorf("the watch that goes on gets %.200q", got)
	}
}

func TestServicesBesideAreKeptFromOtherPages(t *testing.T) {
	reached := 0
	service := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })
	h := NewHandler(Config{Store: newLonely(t), Member: wellMember{}, Access: bookOf(t, roles...), Also: map[string]http.Handler{"/also/": service}, Guarded: map[string]http.Handler{"/guarded/": service}})
	for _, c := range []struct {
		path, origin, token string
		secure              bool
		status              int
	}{
		{"/also/x", "http://evil.example", "root", false, 403},
		{"/guarded/x", "http://evil.example", "root", false, 403},
		{"/guarded/x", "http://localhost, http://evil.example", "root", false, 403},
		{"/guarded/x", "http://localhost", "root", true, 403}, // came in the clear
		{"/guarded/x", "https://localhost", "root", true, 200},
		{"/guarded/x", "http://localhost", "root", false, 200},
		{"/guarded/x", "", "nobody", false, 200}, // which keeps to rights itself
		{"/guarded/x", "", "stranger", false, 401},
		{"/also/x", "", "user", false, 403},
		{"/also/x", "", "admin", false, 403},
		{"/also/x", "", "stranger", false, 401},
		{"/also/x", "", "root", false, 200},
	} {
		r := httptest.NewRequest("POST", c.path, nil)
		r.Host = "localhost"
		for origin := range strings.SplitSeq(c.origin, ", ") {
			if origin != "" {
				r.Header.Add("Origin", origin)
			}
		}
		r.Header.Set("Authorization", "Bearer "+c.token)
		if c.secure {
			r.TLS = &tls.ConnectionState{}
		}
		before := reached
		if got := ask(h, r).Code; got != c.status || (reached > before) != (c.status == 200) {
			t.Errorf("%+v is answered %d", c, got)
		}
	}
}

// A stream of a service beside this face lives as long as it is read, and no longer.
func TestAStreamBesideOutlivesTheServersDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := io.WriteString(w, "x\n"); err != nil || r.Context().Err() != nil {
					ended <- time.Now()
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		})
		ours, theirs := net.Pipe()
		server := NewServer(NewHandler(Config{Store: newLonely(t), Member: wellMember{}, Guarded: map[string]http.Handler{"/stream": service}}), slog.New(slog.DiscardHandler))
		go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
		defer server.Close()
		go io.WriteString(ours, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(answer.Body)
		for began := time.Now(); time.Since(began) < 10*server.WriteTimeout; {
			if !lines.Scan() {
				t.Fatalf("it ends after %s: %v", time.Since(began), lines.Err())
			}
		}
		stopped := time.Now()
		if waited := (<-ended).Sub(stopped); waited > time.Minute {
			t.Errorf("who does not read is waited for %s", waited)
		}
		ours.Close()
	})
}

// What cannot be parsed is answered by the server below the handler, as docs/http.md says: in
// plain text, and the connection ends.
func TestWhatIsNoRequestIsAnsweredInPlainText(t *testing.T) {
	addr := strings.TrimPrefix(start(t, nil), "http://")
	for _, request := range []string{
		"GET /kv/a%0 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /kv/a HTTP/1.1\r\n\r\n",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(c, request)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		if kind := answer.Header.Get("Content-Type"); answer.StatusCode != 400 || !strings.HasPrefix(kind, "text/plain") || !answer.Close {
			t.Errorf("%q: %s, %s, the connection ends: %v; want 400 in plain text and the end", request, answer.Status, kind, answer.Close)
		}
	}
}
