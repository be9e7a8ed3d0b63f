package http

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// lonely is a store without a cluster: each command is applied at once.
type lonely struct {
	kv.Store
	machine *kv.Machine
}

func newLonely(t testing.TB) *lonely {
	m := kv.NewMachine()
	t.Cleanup(func() { m.Close() })
	return &lonely{kv.Alone(m), m}
}

// wellMember is a member with nothing to report.
type wellMember struct{}

func (wellMember) Status() balsa.Status                                  { return balsa.Status{Leader: "a", Role: "leader"} }
func (wellMember) Members(context.Context) ([]balsa.MemberStatus, error) { return nil, nil }
func (wellMember) Done() <-chan struct{}                                 { return nil }
func (wellMember) Err() error                                            { return nil }

// FuzzRequest sends a request over loopback to a store that holds a key. Whatever is
// asked, the answer is one that is documented; nothing changes unless the answer says so;
// and no page of another origin gets anything.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ method, target, headers, body string }{
		{"GET", "/kv/color", "", ""},
		{"GET", "/kv/color", "If-None-Match: \"1\"", ""},
		{"HEAD", "/kv/a%2f%2Fb/..", "", ""},
		{"PUT", "/kv/color", "", "blue"},
		{"PUT", "/kv/color", "If-Match: \"1\"", "blue\x00"},
		{"PUT", "/kv/new", "If-None-Match: *", ""},
		{"PUT", "/kv/color", "If-Match: W/\"1\", *\r\nIf-None-Match: 2", ""},
		{"DELETE", "/kv/color", "If-Match: *", ""},
		{"DELETE", "/kv/%", "", ""},
		{"POST", "/kv/color", "Origin: http://evil.example", "x"},
		{"GET", "/status", "Origin: http://localhost", ""},
		{"GET", "/healthz", "Host: evil.example", ""},
		{"PUT", "http://evil.example/kv/color", "Origin: http://evil.example", "x"},
		{"GET", "//kv/./color?x#y", "", ""},
		{"GET", "/kv/color?stale=5s", "", ""},
		{"GET", "/kv/color?at=1&at-least=1", "", ""},
		{"PUT", "/kv/color?ttl=30s", "", "blue"},
		{"PUT", "/kv/color?lease-id=7", "", "blue"},
		{"GET", "/kv/?prefix=c&limit=1&keys-only&after=c", "", ""},
		{"GET", "/watch?prefix=c&from=1&previous", "Last-Event-ID: 0", ""},
		{"POST", "/txn", "", `{"then":[{"op":"set","key":"color","value":"blue"}]}`},
		{"POST", "/txn", "", `{"if":[{"key":"color","of":"value","is":"=","value":"red"}],"then":[{"op":"add","key":"color","delta":1}]}`},
		{"GET", "/openapi.json", "", ""},
	} {
		f.Add(seed.method, seed.target, seed.headers, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, method, target, headers string, body []byte) {
		r, err := parse(method, target, headers, body)
		if err != nil {
			t.Skip() // the server answers these by itself
		}
		// What the body is, the headers may say otherwise.
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			t.Skip()
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		store := newLonely(t)
		if _, err := store.Put(t.Context(), "color", []byte("red")); err != nil {
			t.Fatal(err)
		}
		h := NewHandler(Config{Store: store, Member: wellMember{}, Logger: slog.New(slog.DiscardHandler)})
		answer := ask(h, r)
		checkAnswer(t, r, answer)
		checkOrigin(t, r, answer)
		says := answer.Code == http.StatusOK && (r.Method == "PUT" || r.Method == "DELETE")
		may := says || answer.Code == http.StatusOK && r.Method == "POST"
		if changed := store.machine.Revision() > 1; changed && !may || says && !changed {
			t.Errorf("%s %s is answered %d; changed: %t", r.Method, r.URL, answer.Code, changed)
		}
		if answer.Code == http.StatusOK && r.Method == "PUT" {
			checkPut(t, h, r, sent, answer)
		}
	})
}

// parse reads a request as a server does.
func parse(method, target, headers string, body []byte) (*http.Request, error) {
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\n", method, target)
	if !strings.HasPrefix(strings.ToLower(headers), "host:") {
		raw.WriteString("Host: localhost\r\n")
	}
	if headers != "" {
		raw.WriteString(headers + "\r\n")
	}
	fmt.Fprintf(&raw, "Content-Length: %d\r\n\r\n%s", len(body), body)
	r, err := http.ReadRequest(bufio.NewReader(&raw))
	if err != nil {
		return nil, err
	}
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, loopback)), nil
}

// checkAnswer looks whether the answer is one that is documented.
func checkAnswer(t *testing.T, r *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Header().Get("X-Content-Type-Options") != "nosniff" || answer.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("%s %s is answered without the headers that keep a browser from running it: %v", r.Method, r.URL, answer.Header())
	}
	switch {
	case answer.Code == http.StatusOK:
	case answer.Code == http.StatusNotModified && (r.Method == "GET" || r.Method == "HEAD"):
	case slices.Contains([]int{400, 403, 404, 405, 409, 410, 412, 413}, answer.Code):
		var e struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
			t.Errorf("%s %s is answered %d with %q, which is no error that a program could read: %v", r.Method, r.URL, answer.Code, answer.Body, err)
		}
	default:
		t.Errorf("%s %s is answered %d, which is not documented for a member that is well", r.Method, r.URL, answer.Code)
	}
}

// checkOrigin: what comes from a page of another host, or to a name that someone else
// may own, is refused. It is the plain form of what the handler asks.
func checkOrigin(t *testing.T, r *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	foreign := strings.Contains(strings.ToLower(r.Host), "evil.example")
	if origin := r.Header.Get("Origin"); origin != "" {
		from, err := url.Parse(origin)
		foreign = foreign || err != nil || !strings.EqualFold(from.Host, r.Host)
	}
	if foreign && answer.Code != http.StatusForbidden {
		t.Errorf("%s %s of origin %q at host %q is answered %d, want 403", r.Method, r.URL, r.Header.Get("Origin"), r.Host, answer.Code)
	}
}

// checkPut reads back what was put.
func checkPut(t *testing.T, h http.Handler, put *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	t.Helper()
	get := put.Clone(put.Context())
	get.Method, get.Body, get.Header, get.URL.RawQuery = "GET", http.NoBody, http.Header{}, ""
	back := ask(h, get)
	got, err := io.ReadAll(back.Body)
	if err != nil || back.Code != http.StatusOK || !bytes.Equal(got, body) || back.Header().Get("ETag") != answer.Header().Get("ETag") {
		t.Errorf("PUT %s of %q with tag %s reads back as %d %q with tag %s", put.URL, body, answer.Header().Get("ETag"), back.Code, got, back.Header().Get("ETag"))
	}
}
