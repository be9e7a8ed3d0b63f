package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// left makes a directory in which a member of a cluster of its own has lived.
func left(t *testing.T, name string) *process {
	t.Helper()
	p := newProcess(t, name)
	p.start().awaitReady()
	p.mustPut("k", "v")
	if code := p.terminate(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	return p
}

func TestDirectoryOfAnotherMemberIsRefused(t *testing.T) {
	t.Parallel()
	p := left(t, "a")
	p.name = "b"
	mustFail(t, 1, `"a" lives here, not "b"`, p.args()...)
	p.name = "a"
	p.start().awaitReady()
	p.mustGet("k", "v")
}

func TestDirectoryInUseIsRefused(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	other := newProcess(t, "a")
	other.dir = p.dir
	mustFail(t, 1, "in use by another process", other.args()...)
	p.mustPut("k", "v")
}

// Names of members that nobody knows are said at once, though a member that does not answer
// is waited for. These names cannot be, which is known without asking a name server.
func TestNamesOfMembersThatNobodyKnowsAreSaidAtOnce(t *testing.T) {
	t.Parallel()
	const forever, one, two = "--timeout=1h", "--server=http://no..where:8080", "--server=http://no..where:8080,http://no..body:8080"
	for _, args := range [][]string{
		{"kv", "get", "k", two, forever}, {"kv", "put", "k", "v", two, forever}, {"kv", "watch", "k", two, forever},
		{"kv", "lock", two, forever, "l", "true"}, {"members", two, forever}, {"remove", "b", two, forever},
		{"status", one}, {"bench", two}, {"snapshot", one, forever},
	} {
		mustFail(t, exitFailed, "no such host", args...)
		mustFail(t, exitFailed, "Check the spelling", args...)
	}
	mustFail(t, exitUsage, "must be host:port", "kv", "get", "k", "--server", "http://a b:8080")
}

func TestPortsInUseAreNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, c := range []struct {
		want   string
		change func(*process)
	}{
		{"--http " + addr, func(p *process) { p.httpURL = "http://" + addr }},
		{"--redis " + addr, func(p *process) { p.lines = addr }},
		{"listen at " + addr, func(p *process) { p.addr = addr }},
	} {
		p := newProcess(t, "a")
		c.change(p)
		mustFail(t, 1, c.want, p.args()...)
		mustFail(t, 1, "Another process listens there", p.args()...)
	}
}

func TestDamagedLogIsNamedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	for i := range 50 {
		p.mustPut(fmt.Sprint("k", i), strings.Repeat("x", 2000))
	}
	p.terminate()
	logs, err := filepath.Glob(filepath.Join(p.dir, "wal-*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v, %v", logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	b[40_000] ^= 0xff // in the middle of what was acknowledged
	if err := os.WriteFile(logs[0], b, 0o644); err != nil {
		t.Fatal(err)
	}
	mustFail(t, 1, filepath.Base(logs[0]), p.args()...)
	if after, err := os.ReadFile(logs[0]); err != nil || string(after) != string(b) {
		t.Errorf("the damaged log was changed, %v", err)
	}
}

func TestMemberOfAnotherClusterIsKeptOut(t *testing.T) {
	t.Parallel()
	foreign := newCluster(t, "a b c")
	startAll(foreign)
	foreign[0].mustPut("k", "foreign")
	for _, p := range foreign {
		p.terminate()
	}
	own := newCluster(t, "a b c")
	startAll(own)
	own[0].mustPut("k", "own")
	own[2].terminate()
	own[2].dir = foreign[2].dir
	own[2].start().awaitSaid("cluster differs")
	own[0].awaitSaid("cluster differs")
	own[0].mustPut("k", "still own")
	own[1].mustGet("k", "still own")
	select {
	case <-own[2].ready:
		t.Error("the foreign member says that it is ready")
	default:
	}
}

func TestFoundersThatDisagreeSaySo(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b")
	all[1].extra = []string{"--cluster", "a=" + all[0].addr + ",b=" + all[1].addr + ",c=127.0.0.1:1"}
	for _, p := range all {
		p.start()
	}
	all[0].awaitWaiting("another list of founders")
	all[1].awaitWaiting("another list of founders")
}

func TestTwoFoundersOfOneNameSaySo(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	twin := newProcess(t, "b", all[1].extra...)
	for _, p := range []*process{all[0], all[1], twin} { // c is missing, so that they wait
		p.start()
	}
	all[0].awaitWaiting(`two members are named "b"`)
}

func TestNewcomerWithANameInUseIsRefused(t *testing.T) {
	t.Parallel()
	first := newProcess(t, "a")
	first.start().awaitReady()
	twin := newProcess(t, "a", "--join", first.addr)
	twin.start().awaitWaiting("is taken by member")
	first.mustPut("k", "v")
	if s := first.mustStatus(); len(s.Members) != 1 {
		t.Errorf("the newcomer is a member: %+v", s.Members)
	}
}

func TestJoiningNobodyKeepsTryingAndSaysSo(t *testing.T) {
	t.Parallel()
	first := newProcess(t, "a")
	late := newProcess(t, "b", "--join", first.addr)
	late.start().awaitSaid(first.addr)
	if a, err := late.do("GET", "k", ""); err != nil || a.status != 503 || a.code != "no_leader" || !strings.Contains(a.body, first.addr) {
		t.Errorf("a read meanwhile: %+v, %v", a, err)
	}
	late.awaitSaid("still waiting")
	first.start().awaitReady()
	late.awaitReady()
	late.mustPut("k", "v")
	first.mustGet("k", "v")
}

func TestJoiningAnAddressThatResolvesToNothingSaysSo(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "b", "--join", "no-such-host.invalid:7000")
	p.start().awaitWaiting("no-such-host.invalid")
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestFacesTakeBadInput(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	if a, err := p.do("PUT", "big", strings.Repeat("x", 1<<20+1)); err != nil || a.status != 413 || a.code != "too_large" {
		t.Errorf("a value over the limit: %d %s, %v", a.status, a.code, err)
	}
	if a, err := p.do("PUT", "big", strings.Repeat("x", 1<<20)); err != nil || a.status != 200 {
		t.Errorf("the largest value: %+v, %v", a, err)
	}
	if got := overLines(t, p, "frobnicate\nput k v\nget k\nget nothing\n"); !strings.HasPrefix(got, "Error: unknown command \"frobnicate\"; try help\nOk: Appended at ") ||
		!strings.HasSuffix(got, "\nOk: v\nError: value does not exist\n") {
		t.Errorf("lines are answered %q", got)
	}
	if got := overRaw(t, strings.TrimPrefix(p.httpURL, "http://"), "NONSENSE\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("what is no HTTP is answered %q", got)
	}
	if got := overRaw(t, p.addr, "GET / HTTP/1.1\r\n\r\n"); !strings.Contains(got, "--http") {
		t.Errorf("a browser on the members' port is answered %q, and not where to go", got)
	}
	p.mustGet("k", "v")
}

func overLines(t *testing.T, p *process, say string) string { return overRaw(t, p.lines, say) }

// overRaw says something on a connection and returns all that comes back.
func overRaw(t *testing.T, addr, say string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, say)
	c.(*net.TCPConn).CloseWrite()
	b, _ := io.ReadAll(c) // a reset is an answer, too
	return string(b)
}

func TestListeningBeyondThisMachineIsSaidLoudly(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	_, port, _ := net.SplitHostPort(p.addr)
	p.addr = "0.0.0.0:" + port
	p.start().awaitSaid("ANYONE WHO REACHES THIS ADDRESS")
	quiet := newProcess(t, "b")
	quiet.start().awaitReady()
	if strings.Contains(quiet.stderr.String(), "ANYONE") {
		t.Error("a member on the loopback warns of strangers")
	}
}
