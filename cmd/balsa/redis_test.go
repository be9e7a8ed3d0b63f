package main

import (
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// redisTool runs one of Redis's own programs against a member.
func (p *process) redisTool(name string, args ...string) string {
	p.t.Helper()
	host, port, err := net.SplitHostPort(p.lines)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), name, append([]string{"-h", host, "-p", port}, args...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Errorf("%s %q: %v: %s", name, args, err, out)
	}
	return strings.TrimRight(strings.ReplaceAll(string(out), "\r", ""), "\n")
}

// Redis's own client and load generator, as they are, on whatever member.
func TestRedisClientsWorkOnEveryMember(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"redis-cli", "redis-benchmark"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here; install it (Debian: apt-get install -y redis-tools)", tool)
		}
	}
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	for i, p := range all {
		other := all[(i+1)%len(all)]
		for _, step := range []struct{ line, want string }{
			{"SET color red", "OK"},
			{"GET color", "red"},
			{"-3 GET absent", ""},
			{"INCR n" + p.name, "1"},
			{"EXPIRE color 100", "1"},
			{"TTL color", "100"},
			{"DEL color", "1"},
			{"EVAL 1 0", "ERR unknown command 'EVAL', with args beginning with: '1' '0'"},
		} {
			if got := strings.TrimSpace(p.redisTool("redis-cli", strings.Fields(step.line)...)); got != step.want {
				t.Errorf("%s answers %s with %q, want %q", p.name, step.line, got, step.want)
			}
		}
		if got := other.redisTool("redis-cli", "GET", "n"+p.name); got != "1" {
			t.Errorf("%s does not have what %s has acknowledged: %q", other.name, p.name, got)
		}
		if got := p.redisTool("redis-cli", "--scan", "--pattern", "n"+p.name); got != "n"+p.name {
			t.Errorf("a scan finds %q", got)
		}
		if got := p.redisTool("redis-cli", "INFO", "balsa"); !strings.Contains(got, "name:"+p.name) {
			t.Errorf("INFO says %q", got)
		}
		got := p.redisTool("redis-benchmark", "-t", "ping,set,get,incr,mset", "-n", "500", "-c", "8", "-P", "8", "-r", "1000", "-q")
		if n := len(regexp.MustCompile("requests per second").FindAllString(got, -1)); n != 6 || strings.Contains(got, "ERR") {
			t.Errorf("redis-benchmark on %s: %s", p.name, got)
		}
	}
}
