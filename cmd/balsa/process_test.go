package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
)

// patience bounds every wait of these tests: it is met only when something is broken.
const patience = 30 * time.Second

// process is a member in a process of its own.
type process struct {
	t       *testing.T
	name    string
	dir     string
	addr    string // for the other members
	httpURL string
	lines   string       // address of the face for lines
	extra   []string     // flags
	token   string       // by which members know their callers, if they ask
	client  *http.Client // who asks over HTTP
	env     []string     // if set, of the process, which works in dir

	cmd    *exec.Cmd
	ready  chan struct{} // closed by the ready line
	exited chan struct{} // closed when the process has ended
	stderr safeBuffer
}

// safeBuffer is written by a process and read by a test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// freeAddr is an address that nobody uses. On Linux it lies at a random place of the
// loopback network, where no connection's own port can take it before the process does.
func freeAddr(t *testing.T) string {
	t.Helper()
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newProcess prepares a member; start runs it.
func newProcess(t *testing.T, name string, extra ...string) *process {
	t.Helper()
	return &process{
		t: t, name: name, dir: filepath.Join(t.TempDir(), name), addr: freeAddr(t),
		httpURL: "http://" + freeAddr(t), lines: freeAddr(t), extra: extra, client: httpClient,
	}
}

// newCluster prepares members that found a cluster.
func newCluster(t *testing.T, names string, extra ...string) []*process {
	t.Helper()
	var all []*process
	var list []string
	for _, name := range strings.Fields(names) {
		p := newProcess(t, name)
		all = append(all, p)
		list = append(list, name+"="+p.addr)
	}
	for _, p := range all {
		p.extra = append([]string{"--cluster", strings.Join(list, ",")}, extra...)
	}
	return all
}

func (p *process) args() []string {
	return append([]string{"serve", "--name", p.name, "--dir", p.dir, "--listen", p.addr,
		"--http", p.httpURL[strings.Index(p.httpURL, "//")+2:], "--redis", p.lines}, p.extra...)
}

func (p *process) start() *process {
	p.t.Helper()
	return p.startAs("balsa", p.args()...)
}

func (p *process) startAs(program string, args ...string) *process {
	p.t.Helper()
	p.cmd = exec.Command(program, args...)
	p.cmd.Stderr = &p.stderr
	if p.env != nil {
		p.cmd.Env, p.cmd.Dir = p.env, p.dir
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.ready, p.exited = make(chan struct{}), make(chan struct{})
	cmd, ready, exited := p.cmd, p.ready, p.exited
	go func() {
		for in := bufio.NewScanner(out); in.Scan(); {
			if strings.HasPrefix(in.Text(), "ready ") {
				close(ready)
			}
		}
		cmd.Wait()
		close(exited)
	}()
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if strings.Contains(p.stderr.String(), "DATA RACE") {
			p.t.Errorf("%s has a data race", p.name)
		}
		if p.t.Failed() {
			p.t.Logf("%s said:\n%s", p.name, tail(p.stderr.String()))
		}
	})
	return p
}

func tail(s string) string {
	const enough = 3000
	if len(s) > enough {
		return "…" + s[len(s)-enough:]
	}
	return s
}

func (p *process) await(what string, happened <-chan struct{}) {
	p.t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		p.t.Fatalf("%s: not %s after %s", p.name, what, patience)
	}
}

func (p *process) awaitReady() {
	p.t.Helper()
	select {
	case <-p.ready:
	case <-p.exited:
		p.t.Fatalf("%s ended before it was ready: %s", p.name, p.cmd.ProcessState)
	case <-time.After(patience):
		p.t.Fatalf("%s: not ready after %s", p.name, patience)
	}
}

// kill ends the process without its knowing (kill -9).
func (p *process) kill() {
	p.t.Helper()
	p.cmd.Process.Kill()
	p.await("dead", p.exited)
}

// terminate asks the process to end and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.await("ended", p.exited)
	return p.cmd.ProcessState.ExitCode()
}

// awaitSaid waits until the process has said something on standard error.
func (p *process) awaitSaid(what string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s to say %q", p.name, what), func() bool { return strings.Contains(p.stderr.String(), what) })
}

// eventually looks until something is true.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if isSo() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

func (p *process) status() (s balsa.Status, err error) {
	_, s, err = askStatus(p.t.Context(), p.client, p.httpURL, p.token)
	return s, err
}

// awaitWaiting waits until the member's status says why there is no leader.
func (p *process) awaitWaiting(why string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s to wait because %q", p.name, why), func() bool {
		s, err := p.status()
		return err == nil && strings.Contains(s.Waiting, why)
	})
}

func (p *process) mustStatus() balsa.Status {
	p.t.Helper()
	s, err := p.status()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func startAll(all []*process) {
	for _, p := range all {
		p.start()
	}
	for _, p := range all {
		p.awaitReady()
	}
}

// leaderOf waits until the running members agree on a leader among them.
func leaderOf(t *testing.T, all []*process) (leader *process) {
	t.Helper()
	eventually(t, "a leader", func() bool {
		leader = nil
		for _, p := range all {
			if s, err := p.status(); err == nil && s.Role == "leader" {
				if leader != nil {
					return false
				}
				leader = p
			}
		}
		return leader != nil
	})
	return leader
}

// awaitHealthy waits until all these members are voters of one cluster, and have all
// that is committed.
func awaitHealthy(t *testing.T, all []*process) {
	t.Helper()
	eventually(t, "all members to have all", func() bool {
		leader := leaderOf(t, all).mustStatus()
		if len(leader.Members) != len(all) {
			return false
		}
		return !slices.ContainsFunc(leader.Members, func(m balsa.MemberStatus) bool {
			return m.Role != "voter" || !m.Active || m.Match < leader.Commit
		})
	})
}

// answer is what came back over HTTP.
type answer struct {
	status int
	code   string // of an error
	body   string
	etag   string
}

var httpClient = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}

func (p *process) do(method, key, body string) (a answer, err error) {
	return p.ask(method, "/kv/"+key, body)
}

func (p *process) post(path, body string) answer {
	p.t.Helper()
	a, err := p.ask("POST", path, body)
	if err != nil {
		p.t.Fatalf("%s: post %s: %v", p.name, path, err)
	}
	return a
}

func (p *process) ask(method, path, body string) (a answer, err error) {
	r, err := http.NewRequest(method, p.httpURL+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	// Without this the client would send a GET again by itself; a PUT it never does.
	r.GetBody = nil
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	var e struct{ Error struct{ Code string } }
	json.Unmarshal(b, &e)
	return answer{response.StatusCode, e.Error.Code, string(b), response.Header.Get("ETag")}, err
}

func (p *process) mustPut(key, value string) {
	p.t.Helper()
	if a, err := p.do("PUT", key, value); err != nil || a.status != 200 {
		p.t.Fatalf("%s: put %s: %+v, %v", p.name, key, a, err)
	}
}

func (p *process) mustGet(key, want string) {
	p.t.Helper()
	if a, err := p.do("GET", key, ""); err != nil || a.status != 200 || a.body != want {
		p.t.Fatalf("%s: get %s: %+v, %v; want %q", p.name, key, a, err, want)
	}
}

// fails runs the command, which must end by itself, and returns its exit code and what
// it said on standard error.
func fails(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "balsa", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stderr.String()
}

// mustFail checks an exit code and that the reason was said.
func mustFail(t *testing.T, wantCode int, want string, args ...string) {
	t.Helper()
	code, said := fails(t, args...)
	if code != wantCode || !strings.Contains(said, want) {
		t.Errorf("balsa %s: exit code %d, want %d; it said %q, want %q", strings.Join(args, " "), code, wantCode, said, want)
	}
	if strings.Contains(said, "goroutine ") {
		t.Errorf("balsa %s panics: %s", strings.Join(args, " "), said)
	}
}
