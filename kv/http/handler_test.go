package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// start serves a member that is alone, in memory.
func start(t *testing.T, change func(*Config)) string {
	t.Helper()
	node, err := balsa.Open(t.Context(), balsa.Config{Name: "solo", MaxCommand: kv.MaxCommand}, kv.NewMachine())
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Store: kv.NewStore(node), Member: node, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config = NewServer(NewHandler(cfg), cfg.Logger)
	s.Start()
	t.Cleanup(func() {
		s.Close()
		node.Close()
	})
	return s.URL
}

type response struct {
	status int
	header http.Header
	body   string
}

// code is that of an error.
func (r response) code() string {
	var e struct {
		Error struct{ Code, Message string }
	}
	if json.Unmarshal([]byte(r.body), &e) != nil || e.Error.Message == "" {
		return ""
	}
	return e.Error.Code
}

func do(t *testing.T, method, url, body string, headers ...string) response {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, string(b)}
}

func TestAKeyLivesAsDocumented(t *testing.T) {
	url := start(t, nil) + "/kv/color"
	if r := do(t, "GET", url, ""); r.status != 404 || r.code() != "not_found" {
		t.Fatalf("before: %+v", r)
	}
	if r := do(t, "DELETE", url, ""); r.status != 404 || r.code() != "not_found" {
		t.Fatalf("delete before: %+v", r)
	}
	put := do(t, "PUT", url, "red\x00")
	tag := put.header.Get("ETag")
	if put.status != 200 || put.body != `{"version":`+strings.Trim(tag, `"`)+"}\n" {
		t.Fatalf("put: %+v", put)
	}
	get := do(t, "GET", url, "")
	if get.status != 200 || get.body != "red\x00" || get.header.Get("ETag") != tag || get.header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("get: %+v", get)
	}
	if r := do(t, "HEAD", url, ""); r.status != 200 || r.body != "" || r.header.Get("Content-Length") != "4" {
		t.Fatalf("head: %+v", r)
	}
	if r := do(t, "GET", url, "", "If-None-Match", `"0", W/`+tag); r.status != 304 || r.body != "" {
		t.Fatalf("unchanged: %+v", r)
	}
	if r := do(t, "GET", url, "", "If-None-Match", `"0"`); r.status != 200 {
		t.Fatalf("changed: %+v", r)
	}
	if r := do(t, "GET", url, "", "If-Match", `"0", `+tag); r.status != 200 {
		t.Fatalf("still the same: %+v", r)
	}
	for _, other := range []string{`"0"`, "W/" + tag} {
		if r := do(t, "GET", url, "", "If-Match", other); r.status != 412 || r.code() != "precondition_failed" {
			t.Fatalf("not the same by If-Match: %s: %+v", other, r)
		}
	}
	if r := do(t, "DELETE", url, ""); r.status != 200 || r.header.Get("ETag") == tag {
		t.Fatalf("delete: %+v", r)
	}
	if r := do(t, "GET", url, ""); r.status != 404 {
		t.Fatalf("after: %+v", r)
	}
}

func TestWritesWithConditionsCompareAndSet(t *testing.T) {
	url := start(t, nil) + "/kv/k"
	want := func(what string, status int, code string, r response) {
		t.Helper()
		if r.status != status || r.code() != code {
			t.Errorf("%s: %d %s, want %d %s", what, r.status, r.body, status, code)
		}
	}
	want("if it exists, and it does not", 412, "precondition_failed", do(t, "PUT", url, "0", "If-Match", "*"))
	want("if it has a version, and does not exist", 412, "precondition_failed", do(t, "PUT", url, "0", "If-Match", `"1"`))
	want("delete if it has a version, and does not exist", 412, "precondition_failed", do(t, "DELETE", url, "", "If-Match", `"1"`))
	first := do(t, "PUT", url, "1", "If-None-Match", "*")
	want("if absent", 200, "", first)
	want("if absent, and it is not", 412, "precondition_failed", do(t, "PUT", url, "2", "If-None-Match", "*"))
	tag := first.header.Get("ETag")
	second := do(t, "PUT", url, "2", "If-Match", tag)
	want("if it is the first", 200, "", second)
	want("if it is the first, and it is not", 412, "precondition_failed", do(t, "PUT", url, "3", "If-Match", tag))
	want("delete if it is the first, and it is not", 412, "precondition_failed", do(t, "DELETE", url, "", "If-Match", tag))
	want("if it exists", 200, "", do(t, "PUT", url, "4", "If-Match", "*"))
	if r := do(t, "GET", url, ""); r.body != "4" {
		t.Errorf("a refused write changed the value: %q", r.body)
	}
	want("delete if it exists", 200, "", do(t, "DELETE", url, "", "If-Match", "*"))
}

func TestConditionsThatCannotBeComparedAreRefused(t *testing.T) {
	url := start(t, nil) + "/kv/k"
	for _, headers := range [][]string{
		{"If-Match", "12"},
		{"If-Match", `W/"12"`},
		{"If-Match", `"1", "2"`},
		{"If-Match", `"1"`, "If-Match", `"2"`},
		{"If-Match", `"x"`},
		{"If-Match", ""},
		{"If-None-Match", `"12"`},
		{"If-None-Match", "*", "If-Match", "*"},
	} {
		if r := do(t, "PUT", url, "x", headers...); r.status != 400 || r.code() != "bad_request" {
			t.Errorf("%q: %+v", headers, r)
		}
	}
}

func TestAValueIsPutAsAWholeAndAsItIs(t *testing.T) {
	url := start(t, nil) + "/kv/k"
	for _, headers := range [][]string{{"Content-Range", "bytes 0-1/5"}, {"Content-Encoding", "gzip"}} {
		if r := do(t, "PUT", url, "xx", headers...); r.status != 400 || !strings.Contains(r.body, headers[0]) {
			t.Errorf("%q: %+v", headers, r)
		}
	}
	if r := do(t, "PUT", url, "xx", "Content-Encoding", "identity"); r.status != 200 {
		t.Errorf("%+v", r)
	}
}

func TestKeysAreTakenAsTheyAre(t *testing.T) {
	base := start(t, nil)
	for _, path := range []string{"/kv/a//b", "/kv/a/../b", "/kv/.", "/kv/a%2Fb", "/kv/%00%ff", "/kv/with%20space", "/kv/a/"} {
		if r := do(t, "PUT", base+path, path); r.status != 200 {
			t.Fatalf("put %s: %+v", path, r)
		}
	}
	for _, path := range []string{"/kv/a//b", "/kv/a/../b", "/kv/.", "/kv/%00%ff", "/kv/with%20space", "/kv/a/"} {
		if r := do(t, "GET", base+path, ""); r.body != path {
			t.Errorf("get %s: %+v", path, r)
		}
	}
	if r := do(t, "GET", base+"/kv/a/b", ""); r.body != "/kv/a%2Fb" {
		t.Errorf("a/b and a%%2Fb are two keys: %+v", r)
	}
}

func TestBadRequestsAreToldWhatIsWrong(t *testing.T) {
	base := start(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"PUT", "/kv/", "x", 405, "method_not_allowed"},
		{"GET", "/kv/" + strings.Repeat("k", kv.MaxKey+1), "", 400, "bad_request"},
		{"PUT", "/kv/" + strings.Repeat("k", kv.MaxKey+1), "x", 400, "bad_request"},
		{"PUT", "/kv/k", strings.Repeat("v", kv.MaxValue+1), 413, "too_large"},
		{"POST", "/kv/k", "x", 405, "method_not_allowed"},
		{"PUT", "/status", "x", 405, "method_not_allowed"},
		{"DELETE", "/healthz", "", 405, "method_not_allowed"},
		{"GET", "/nothing", "", 404, "not_found"},
		{"GET", "/kv", "", 404, "not_found"},
	} {
		r := do(t, c.method, base+c.path, c.body)
		if r.status != c.status || r.code() != c.code || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %.40s: %d %.200s, want %d %s", c.method, c.path, r.status, r.body, c.status, c.code)
		}
	}
	if r := do(t, "POST", base+"/kv/k", ""); r.header.Get("Allow") != "GET, HEAD, PUT, DELETE" {
		t.Errorf("405 does not say what is allowed: %+v", r)
	}
	if r := do(t, "PUT", base+"/kv/k", strings.Repeat("v", kv.MaxValue)); r.status != 200 {
		t.Errorf("the largest value: %+v", r)
	}
}

func TestStatusIsTheMembersOwn(t *testing.T) {
	base := start(t, func(c *Config) { c.Ports = map[string]string{"redis": "127.0.0.1:6380"} })
	if r := do(t, "PUT", base+"/kv/k", "v"); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	r := do(t, "GET", base+"/status", "")
	var s struct {
		Name, ID, Role, Leader string
		Term, Commit, Applied  uint64
		Members                []struct {
			Name, ID, Addr, Role string
			Match                uint64
		}
		Ports map[string]string
	}
	if err := json.Unmarshal([]byte(r.body), &s); err != nil {
		t.Fatal(err, r.body)
	}
	if s.Name != "solo" || s.Role != "leader" || s.Leader != "solo" || s.Term == 0 || s.Commit == 0 || s.Applied == 0 ||
		len(s.Members) != 1 || s.Members[0].Name != "solo" || s.Members[0].Role != "voter" || s.Ports["redis"] == "" {
		t.Errorf("%s", r.body)
	}
	for path, status := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/readyz?role=leader": 200, "/readyz?role=follower": 503, "/readyz?role=king": 400,
	} {
		if r := do(t, "GET", base+path, ""); r.status != status || status == 200 && r.body != "ok\n" {
			t.Errorf("%s: %+v, want %d", path, r, status)
		}
	}
}

// lame is a member without a leader, or one that has ended.
type lame struct {
	done chan struct{}
	err  error
}

func (l lame) Status() balsa.Status { return balsa.Status{Waiting: "waiting to hear from b"} }
func (l lame) Members(context.Context) ([]balsa.MemberStatus, error) {
	return nil, balsa.ErrNoLeader
}
func (l lame) Done() <-chan struct{} { return l.done }
func (l lame) Err() error            { return l.err }

// A member without a leader is not ready, and yet must not be ended for it.
func TestHealthAndReadinessSayWhyNot(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	for _, c := range []struct {
		member        lame
		health, ready int
		code, says    string
	}{
		{lame{}, 200, 503, "no_leader", "waiting to hear from b"},
		{lame{done: ended, err: errors.New("input/output error")}, 503, 503, "closed", "input/output error"},
		{lame{done: ended}, 503, 503, "closed", "closed"},
	} {
		base := start(t, func(cfg *Config) { cfg.Member = c.member })
		if r := do(t, "GET", base+"/healthz", ""); r.status != c.health {
			t.Errorf("healthz: %+v, want %d", r, c.health)
		}
		if r := do(t, "GET", base+"/readyz", ""); r.status != c.ready || r.code() != c.code || !strings.Contains(r.body, c.says) {
			t.Errorf("readyz: %+v, want %d, %s with %q", r, c.ready, c.code, c.says)
		}
	}
}

func TestPagesOfOtherOriginsAndReboundNamesAreRefused(t *testing.T) {
	base := start(t, func(c *Config) { c.Names = []string{"kv.example"} })
	own := strings.TrimPrefix(base, "http://")
	_, port, _ := strings.Cut(own, ":")
	for _, c := range []struct {
		what    string
		headers []string
		status  int
	}{
		{"no page", nil, 200},
		{"its own page", []string{"Origin", base}, 200},
		{"its own page by name", []string{"Host", "localhost:" + port, "Origin", "http://localhost:" + port}, 200},
		{"its own page by the name it was given", []string{"Host", "kv.example", "Origin", "http://kv.example"}, 200},
		{"a page of another site", []string{"Origin", "http://evil.example"}, 403},
		{"a page of another port", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"a page in a sandbox", []string{"Origin", "null"}, 403},
		{"a rebound name", []string{"Host", "evil.example:" + port, "Origin", "http://evil.example:" + port}, 403},
		{"a rebound name that reads", []string{"Host", "evil.example:" + port}, 403},
	} {
		for _, method := range []string{"PUT", "GET"} {
			r := do(t, method, base+"/kv/k", "v", c.headers...)
			if r.status != c.status || c.status == 403 && r.code() != "forbidden" {
				t.Errorf("%s: %s is answered %d %s, want %d", c.what, method, r.status, r.body, c.status)
			}
		}
	}
}

// failing fails every call with one error.
type failing struct {
	kv.Store
	err error
}

func (f failing) Do(context.Context, kv.Command) (kv.Result, error) { return kv.Result{}, f.err }
func (f failing) View(context.Context, ...balsa.ReadOption) (*kv.View, error) {
	return nil, f.err
}

func TestErrorCodesTellNotCommittedFromUnknown(t *testing.T) {
	no := func(reason error) error { return fmt.Errorf("%w: %w", balsa.ErrNotCommitted, reason) }
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{balsa.ErrNotCommitted, 503, "not_committed"},
		{no(context.DeadlineExceeded), 503, "not_committed"},
		{no(balsa.ErrNoLeader), 503, "no_leader"},
		{no(balsa.ErrOverloaded), 503, "overloaded"},
		{no(balsa.ErrClosed), 503, "closed"},
		{no(balsa.ErrNoSpace), 507, "no_space"},
		{no(balsa.ErrTooLarge), 413, "too_large"},
		{balsa.ErrUnknown, 504, "unknown"},
		{fmt.Errorf("%w: %w", balsa.ErrUnknown, balsa.ErrNoLeader), 504, "unknown"},
		{fmt.Errorf("%w: %w", balsa.ErrUnknown, balsa.ErrClosed), 504, "unknown"},
		{errors.New("something new"), 504, "unknown"},
	} {
		url := start(t, func(cfg *Config) { cfg.Store = failing{err: c.err} }) + "/kv/k"
		for _, method := range []string{"PUT", "DELETE", "GET"} {
			r := do(t, method, url, "v")
			if r.status != c.status || r.code() != c.code {
				t.Errorf("%s, %v: %d %s, want %d %s", method, c.err, r.status, r.body, c.status, c.code)
			}
			if (r.status == 503) != (r.header.Get("Retry-After") != "") {
				t.Errorf("%v: Retry-After %q with %d", c.err, r.header.Get("Retry-After"), r.status)
			}
		}
	}
}
