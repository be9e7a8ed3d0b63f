package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fetch is the status and the body at a path of a member's HTTP address.
func (p *process) fetch(path, token string, header ...string) (int, string) {
	p.t.Helper()
	return p.request(http.MethodGet, path, token, "", header)
}

// fetchPut is fetch for a value that is put.
func (p *process) fetchPut(path, value string, header ...string) (int, string) {
	p.t.Helper()
	return p.request(http.MethodPut, path, "", value, header)
}

func (p *process) request(method, path, token, body string, header []string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.httpURL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(said)
}

func TestMetricsAndProfilesKeepToCallersRights(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.yaml")
	writeAccess(t, path, "callers:\n"+
		"  - {name: prometheus, token-sha256: "+secretDigest+", grants: []}\n"+
		"  - {name: ops, token-sha256: "+anotherDigest+", grants: [{prefix: \"\", rights: [read, write, admin]}]}\n")
	p := newProcess(t, "a", "--access", path)
	p.start().awaitReady()
	for _, tc := range []struct {
		path, token string
		status      int
		says        string
	}{
		{"/healthz", "", 200, "ok"},
		{"/readyz", "", 200, "ok"},
		{"/metrics", "", 401, "who you are"},
		{"/metrics", "wrong", 401, "nobody is known"},
		{"/metrics", "secret", 200, "balsa_leader 1\n"},
		{"/metrics", "secret", 200, "balsa_log_sync_seconds_bucket"},
		{"/metrics", "secret", 200, "\ngo_goroutines "},
		{"/metrics", "another", 200, "balsa_leader 1\n"},
		{"/metricsx", "another", 404, ""},
		{"/debug/pprof/", "", 401, "who you are"},
		{"/debug/pprof/", "secret", 403, "prometheus has no right to admin"},
		{"/debug/pprof/heap", "secret", 403, "prometheus has no right to admin"},
		{"/debug/pprof/", "another", 200, "goroutine"},
		{"/debug/pprof/goroutine?debug=1", "another", 200, "goroutine profile: total"},
		{"/debug/pprof/cmdline", "another", 200, "serve"},
	} {
		if status, body := p.fetch(tc.path, tc.token); status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s of %q is answered %d, %.300q; want %d and %q", tc.path, tc.token, status, body, tc.status, tc.says)
		}
	}
}

func TestMetricsAndProfilesAreKeptFromPagesOfOthers(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	for _, path := range []string{"/metrics", "/debug/pprof/heap"} {
		if status, _ := p.fetch(path, ""); status != 200 {
			t.Errorf("%s is answered %d", path, status)
		}
		if status, body := p.fetch(path, "", "Origin", "http://evil.example"); status != 403 {
			t.Errorf("%s for a page of another origin is answered %d, %.100q", path, status, body)
		}
	}
}

func TestAProcessorProfileIsTaken(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	if status, body := p.fetch("/debug/pprof/profile?seconds=1", ""); status != 200 || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Errorf("a profile of a second is answered %d, %.100q", status, body)
	}
}

func TestRequestsOfBothFacesAreCounted(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	p.fetchPut("/kv/color", "red")
	p.fetch("/kv/none", "")
	c, err := net.Dial("tcp", p.lines)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "SET a b\r\nquit\r\n")
	if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "+OK\r\n") {
		t.Fatalf("Redis' face answers %q, %v", answer, err)
	}
	_, body := p.fetch("/metrics", "")
	for _, want := range []string{
		`balsa_request_seconds_count{face="http",operation="PUT /kv/",result="ok"} 1`,
		`balsa_request_seconds_count{face="http",operation="GET /kv/",result="refused"} 1`,
		`balsa_request_seconds_count{face="redis",operation="set",result="ok"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
