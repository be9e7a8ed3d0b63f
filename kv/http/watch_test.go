package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/unread"
)

// watcher reads a stream of events.
type watcher struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Scanner
}

func newWatcher(t *testing.T, body io.ReadCloser) *watcher {
	w := &watcher{t, body, bufio.NewScanner(body)}
	w.in.Buffer(nil, 16<<20)
	return w
}

// openWatch begins a watch, or returns what it is refused with.
func openWatch(t *testing.T, url string, headers ...string) (*watcher, response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 {
		b, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		return nil, response{answer.StatusCode, answer.Header, string(b)}
	}
	t.Cleanup(func() { answer.Body.Close() })
	return newWatcher(t, answer.Body), response{answer.StatusCode, answer.Header, ""}
}

// next is the next event, as its fields one a line, without comments; "" at the end.
func (w *watcher) next() string {
	w.t.Helper()
	var event []string
	for w.in.Scan() {
		line := w.in.Text()
		switch {
		case line == "" && slices.ContainsFunc(event, func(l string) bool { return strings.HasPrefix(l, "data: ") }):
			return strings.Join(event, "\n")
		case line == "":
			event = nil
		case !strings.HasPrefix(line, ":"):
			event = append(event, line)
		}
	}
	return ""
}

// line is the next line as it is.
func (w *watcher) line() string {
	w.t.Helper()
	if !w.in.Scan() {
		w.t.Fatalf("the watch has ended: %v", w.in.Err())
	}
	return w.in.Text()
}

func (w *watcher) want(event string) {
	w.t.Helper()
	if got := w.next(); got != event {
		w.t.Errorf("got %q, want %q", got, event)
	}
}

func TestAWatchSeesEachChangeOnceAndInOrder(t *testing.T) {
	base := start(t, nil)
	before := do(t, "PUT", base+"/kv/w/before", "x").header.Get("Balsa-Index")
	w, opened := openWatch(t, base+"/watch?prefix=w/")
	if w == nil || opened.header.Get("Content-Type") != "text/event-stream" || opened.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v", opened)
	}
	if opened.header.Get("Balsa-Index") < before {
		t.Errorf("a watch from %s on shows what was acknowledged at %s", opened.header.Get("Balsa-Index"), before)
	}
	do(t, "PUT", base+"/kv/other", "not of it")
	first := do(t, "PUT", base+"/kv/w/a", "1\n2").header.Get("Balsa-Index")
	w.want(fmt.Sprintf(`id: %s`+"\n"+`data: {"index":%[1]s,"events":[{"key":"w/a","value":"1\n2","version":%[1]s,"created":%[1]s,"changes":1}]}`, first))
	r := do(t, "POST", base+"/txn", `{"then":[{"op":"delete","key":"w/a"},{"op":"set","key":"w/b","value64":"/w=="}]}`)
	second := r.header.Get("Balsa-Index")
	w.want(fmt.Sprintf(`id: %s`+"\n"+`data: {"index":%[1]s,"events":[{"key":"w/a","version":%[1]s,"removed":true},{"key":"w/b","value64":"/w==","version":%[1]s,"created":%[1]s,"changes":1}]}`, second))
	w.body.Close()

	do(t, "PUT", base+"/kv/w/b", "3")
	for _, resumed := range []struct {
		query   string
		headers []string
	}{
		{"&from=" + second + "0", []string{"Last-Event-ID", second}},
		{"", []string{"Last-Event-ID", second}},
		{"&from=1", []string{"Last-Event-ID", second}},
	} {
		w, opened := openWatch(t, base+"/watch?prefix=w/"+resumed.query, resumed.headers...)
		if w == nil {
			t.Fatalf("%+v", opened)
		}
		if got := w.next(); !strings.Contains(got, `"value":"3"`) {
			t.Errorf("resumed by %v it goes on with %s", resumed, got)
		}
		w.body.Close()
	}
	w, _ = openWatch(t, base+"/watch?prefix=w/&from="+second+"&previous")
	if got := w.next(); !strings.HasPrefix(got, "id: "+second) || !strings.Contains(got, `"previous":{"key":"w/a","value":"1\n2","version":`+first) {
		t.Errorf("from %s with what was there: %s", second, got)
	}
}

func TestAWatchThatReachesTooFarBackIsToldWhereItCanGoOn(t *testing.T) {
	base, store := startAlone(t, nil)
	for range 5 {
		do(t, "PUT", base+"/kv/k", "v")
	}
	if _, err := store.Do(t.Context(), kv.Do(kv.Op{Kind: kv.OpCompact, Number: 3})); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"1", "3"} {
		if w, r := openWatch(t, base+"/watch?from="+from); w != nil || r.status != 410 || r.code() != "compacted" || !strings.Contains(r.body, `"from":4`) {
			t.Errorf("from %s: %+v", from, r)
		}
	}
	w, r := openWatch(t, base+"/watch?from=4")
	if w == nil {
		t.Fatalf("%+v", r)
	}
	if got := w.next(); !strings.HasPrefix(got, "id: 4\n") {
		t.Errorf("from where it may: %s", got)
	}
	if w, r := openWatch(t, base+"/watch", "Last-Event-ID", "x"); w != nil || r.status != 400 {
		t.Errorf("an id that is none: %+v", r)
	}
}

func TestWatchesAreCounted(t *testing.T) {
	base, _ := startAlone(t, func(c *Config) { c.MaxWatches = 2 })
	first, _ := openWatch(t, base+"/watch")
	second, _ := openWatch(t, base+"/watch")
	if first == nil || second == nil {
		t.Fatal("the watches that there may be are refused")
	}
	third, r := openWatch(t, base+"/watch")
	if third != nil || r.status != 503 || r.code() != "overloaded" || r.header.Get("Retry-After") == "" {
		t.Errorf("one watch too many: %+v", r)
	}
	if r := do(t, "GET", base+"/kv/", ""); r.status != 200 {
		t.Errorf("other requests meanwhile: %+v", r)
	}
	// One that has ended makes room, as soon as the server knows.
	first.body.Close()
	for late := time.Now().Add(time.Minute); third == nil; {
		if time.Now().After(late) {
			t.Fatal("a watch that has ended still counts")
		}
		third, _ = openWatch(t, base+"/watch")
	}
}

// overPipe serves a handler on one connection in memory, and opens a watch over it.
func overPipe(t *testing.T, cfg Config, target string, headers ...string) (*watcher, net.Conn, *http.Server) {
	t.Helper()
	ours, theirs := net.Pipe()
	cfg.Member, cfg.Logger = wellMember{}, cfg.withDefaults().Logger
	server := NewServer(NewHandler(cfg), cfg.Logger)
	go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
	t.Cleanup(func() { server.Close() })
	go fmt.Fprintf(ours, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, strings.Join(headers, "\r\n"))
	answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%+v, %v", answer, err)
	}
	return newWatcher(t, answer.Body), ours, server
}

// The server's deadlines are for answers; a watch has none, and gives signs of life.
func TestAWatchOutlivesTheServersDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newLonely(t)
		w, _, server := overPipe(t, Config{Store: store}, "/watch?prefix=k")
		began := time.Now()
		var lines []string
		for time.Since(began) < 10*max(server.WriteTimeout, server.ReadTimeout) {
			lines = append(lines, w.line())
		}
		if beats := slices.Index(lines, ""); len(lines) < 20 || beats != 1 || lines[0] != ": all is sent up to 0" {
			t.Errorf("%d lines: %q", len(lines), lines[:min(len(lines), 4)])
		}
		if _, err := store.Put(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		if got := w.next(); !strings.HasPrefix(got, "id: 1\n") {
			t.Errorf("after minutes: %q", got)
		}
	})
}

// The same on a connection that others share.
func TestAWatchOutlivesTheServersDeadlinesOverHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newLonely(t)
		ours, theirs := net.Pipe()
		cfg := Config{Store: store, Member: wellMember{}}.withDefaults()
		server := NewServer(NewHandler(cfg), cfg.Logger)
		server.Protocols = new(http.Protocols)
		server.Protocols.SetUnencryptedHTTP2(true)
		go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
		defer server.Close()
		transport := &http.Transport{Protocols: server.Protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://localhost/watch?prefix=k", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(r)
		if err != nil || answer.ProtoMajor != 2 {
			t.Fatalf("%+v, %v", answer, err)
		}
		defer answer.Body.Close()
		w := newWatcher(t, answer.Body)
		for began := time.Now(); time.Since(began) < 10*max(server.WriteTimeout, server.ReadTimeout); {
			w.line()
		}
		if _, err := store.Put(t.Context(), "k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		if got := w.next(); !strings.HasPrefix(got, "id: 1\n") {
			t.Errorf("after minutes: %q", got)
		}
	})
}

// What is not for a watch still moves it on: who resumes does not ask for what may be
// forgotten.
func TestABeatCarriesHowFarTheWatchHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newLonely(t)
		w, _, _ := overPipe(t, Config{Store: store}, "/watch?prefix=k")
		w.line() // it has begun
		w.line()
		for range 3 {
			if _, err := store.Put(t.Context(), "other", nil); err != nil {
				t.Fatal(err)
			}
		}
		if got := []string{w.line(), w.line(), w.line()}; !slices.Equal(got, []string{": all is sent up to 3", "id: 3", ""}) {
			t.Errorf("%q", got)
		}
		if got := []string{w.line(), w.line()}; !slices.Equal(got, []string{": all is sent up to 3", ""}) {
			t.Errorf("with nothing new: %q", got)
		}
	})
}

// A watcher that does not read is cut off after its patience, and holds nothing then.
func TestAWatcherThatDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newLonely(t)
		h := NewHandler(Config{Store: store, Member: wellMember{}}.withDefaults()).(handler)
		ours, theirs := net.Pipe()
		server := NewServer(h, h.Logger)
		go server.Serve(&oneConn{conn: theirs, done: make(chan struct{})})
		defer server.Close()
		fmt.Fprint(ours, "GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		if len(h.watches) != 1 {
			t.Fatal("there is no watch")
		}
		began := time.Now()
		for i := range 10 {
			if _, err := store.Put(t.Context(), fmt.Sprint(i), make([]byte, kv.MaxValue)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(h.WatchPatience + time.Millisecond)
		synctest.Wait()
		if len(h.watches) != 0 {
			t.Errorf("the watch is still there after %s", time.Since(began))
		}
		if b, err := io.ReadAll(ours); len(b) > 0 && err != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
}

func TestShutdownEndsWatchesAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, conn, server := overPipe(t, Config{Store: newLonely(t)}, "/watch")
		down := make(chan error, 1)
		go func() { down <- server.Shutdown(t.Context()) }()
		if got := w.next(); !strings.HasPrefix(got, "event: end\ndata: ") || !strings.Contains(got, `"code":"closed"`) {
			t.Errorf("got %q", got)
		}
		if got := w.next(); got != "" {
			t.Errorf("after the end comes %q", got)
		}
		conn.Close()
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

// breaking is a store whose watches end with an error after one change.
type breaking struct {
	kv.Store
	err error
}

func (b breaking) Watch(context.Context, kv.Watch) iter.Seq2[kv.Changes, error] {
	return func(yield func(kv.Changes, error) bool) {
		if yield(kv.Changes{Index: 7, Events: []kv.Event{{Removed: true, Item: kv.Item{Key: "k", Version: 7}}}}, nil) {
			yield(kv.Changes{}, b.err)
		}
	}
}

func TestAWatchSaysWhyItEnds(t *testing.T) {
	for _, c := range []struct {
		err  error
		says string
	}{
		{&kv.CompactedError{Asked: 8, Compacted: 20}, `"code":"compacted","message":"the history at 8 is compacted: it begins after 20; read the present state, and watch from its revision on","from":21}`},
		{errors.Join(balsa.ErrNotCommitted, kv.ErrClosed), `"code":"closed"`},
		{kv.ErrDamaged, `"code":"damaged"`},
	} {
		base, _ := startAlone(t, func(cfg *Config) { cfg.Store = breaking{cfg.Store, c.err} })
		w, r := openWatch(t, base+"/watch")
		if w == nil {
			t.Fatalf("%+v", r)
		}
		w.want("id: 7\n" + `data: {"index":7,"events":[{"key":"k","version":7,"removed":true}]}`)
		if got := w.next(); !strings.HasPrefix(got, "event: end\ndata: ") || !strings.Contains(got, c.says) {
			t.Errorf("%v: %q", c.err, got)
		}
		if got := w.next(); got != "" {
			t.Errorf("%v: after the end comes %q", c.err, got)
		}
	}
}

func TestAWatchEndsWithItsMember(t *testing.T) {
	done := make(chan struct{})
	base, _ := startAlone(t, func(c *Config) { c.Member = lame{done: done} })
	w, r := openWatch(t, base+"/watch")
	if w == nil {
		t.Fatalf("%+v", r)
	}
	close(done)
	if got := w.next(); !strings.Contains(got, `"code":"closed"`) {
		t.Errorf("%q", got)
	}
}

// A member that is cut off would be silent while others see changes.
func TestAWatchEndsWhereNoLeaderIsHeardOf(t *testing.T) {
	base, _ := startAlone(t, func(c *Config) {
		c.Member = lame{done: make(chan struct{})}
		c.WatchBeat = time.Millisecond
	})
	w, r := openWatch(t, base+"/watch")
	if w == nil {
		t.Fatalf("%+v", r)
	}
	if got := w.next(); !strings.HasPrefix(got, "event: end") || !strings.Contains(got, `"code":"no_leader"`) {
		t.Errorf("%q", got)
	}
}

func TestAWatchOfOneKeySeesNoOther(t *testing.T) {
	base, store := startAlone(t, nil)
	for _, key := range []string{"a", "ab", "b", "a"} {
		if _, err := store.Put(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	w, r := openWatch(t, base+"/watch?key=a&from=1")
	if w == nil {
		t.Fatalf("%+v", r)
	}
	for _, id := range []string{"id: 1\n", "id: 4\n"} {
		if got := w.next(); !strings.HasPrefix(got, id) || !strings.Contains(got, `"key":"a"`) {
			t.Errorf("%q, want %q", got, id)
		}
	}
	for _, wrong := range []string{"?key=", "?key=a&prefix=a"} {
		if w, r := openWatch(t, base+"/watch"+wrong); w != nil || r.status != 400 {
			t.Errorf("%s: %+v", wrong, r)
		}
	}
}

func TestAWatchWithoutALeaderIsRefusedRatherThanLate(t *testing.T) {
	base, _ := startAlone(t, func(c *Config) {
		c.Store = failing{err: fmt.Errorf("%w: %w", balsa.ErrNotCommitted, balsa.ErrNoLeader)}
	})
	if w, r := openWatch(t, base+"/watch"); w != nil || r.status != 503 || r.code() != "no_leader" {
		t.Errorf("%+v", r)
	}
}

// A change for which there is no room was not seen: whoever goes on after the last id is told
// of it.
func TestABeatDoesNotPassOverWhatThereWasNoRoomFor(t *testing.T) {
	answer := httptest.NewRecorder()
	s := &stream{w: answer, control: http.NewResponseController(answer), answers: unread.New(unread.Light), seen: 6, told: 6}
	large := kv.Changes{Index: 7, Events: []kv.Event{{Item: kv.Item{Key: "a", Value: make([]byte, 2*unread.Light)}}}}
	if err := s.send(large); !errors.Is(err, errCrowdedOut) {
		t.Fatalf("a change of %d bytes: %v", 2*unread.Light, err)
	}
	if err := s.beat(); err != nil {
		t.Fatal(err)
	}
	if told := answer.Body.String(); strings.Contains(told, "7") {
		t.Errorf("told as if it had been sent: %q", told)
	}
}
