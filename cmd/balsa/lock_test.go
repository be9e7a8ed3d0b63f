//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// locking is a kv lock in a process of its own, whose command reads from stdin.
type locking struct {
	watching
	stdin io.WriteCloser
}

func lock(t *testing.T, all []*process, args ...string) *locking {
	t.Helper()
	var urls []string
	for _, p := range all {
		urls = append(urls, p.httpURL)
	}
	l := &locking{}
	l.cmd = exec.CommandContext(t.Context(), "balsa", append([]string{"kv", "lock", "--server", strings.Join(urls, ",")}, args...)...)
	l.cmd.Stdout, l.cmd.Stderr = &l.stdout, &l.stderr
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// ends waits for its end, and returns the exit code.
func (l *locking) ends() int {
	l.stdin.Close()
	_ = l.cmd.Wait()
	return l.cmd.ProcessState.ExitCode()
}

const sayToken = "echo $BALSA_LOCK_NAME $BALSA_LOCK_TOKEN"

// One command at a time runs under a lock, each with a higher token, while members go away.
func TestCommandsRunUnderALock(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	first := lock(t, all, "--owner", "one", "--ttl", "5s", "jobs", "--", "sh", "-c", sayToken+"; read x; exit 3")
	eventually(t, "the first to have the lock", func() bool { return strings.HasPrefix(first.stdout.String(), "jobs ") })
	tried := lock(t, all, "--try", "jobs", "true")
	if code := tried.ends(); code != exitNo || !strings.Contains(tried.stderr.String(), `jobs is locked by "one", with token `) {
		t.Errorf("tried meanwhile: exit code %d, %s", code, tried.stderr.String())
	}
	short := lock(t, all, "--wait", "100ms", "jobs", "true")
	if code := short.ends(); code != exitNo || !strings.Contains(short.stderr.String(), "jobs was locked by another for 100ms") {
		t.Errorf("waited a while: exit code %d, %s", code, short.stderr.String())
	}
	second := lock(t, all, "jobs", "--", "sh", "-c", sayToken)
	all[0].kill()
	all[1].mustPut("still", "there")
	if out := second.stdout.String(); out != "" {
		t.Errorf("the second has begun while the first holds the lock: %s", out)
	}
	if code := first.ends(); code != 3 {
		t.Errorf("the first ends with %d, %s", code, first.stderr.String())
	}
	if code := second.ends(); code != 0 {
		t.Errorf("the second ends with %d, %s", code, second.stderr.String())
	}
	if one, two := tokenIn(t, first.stdout.String()), tokenIn(t, second.stdout.String()); two <= one {
		t.Errorf("the tokens are %d and then %d", one, two)
	}
}

func tokenIn(t *testing.T, said string) int {
	t.Helper()
	m := regexp.MustCompile(`^jobs (\d+)\n$`).FindStringSubmatch(said)
	if m == nil {
		t.Fatalf("%q tells no token", said)
	}
	token, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A command whose lock is lost is ended, and so is one whose holder is.
func TestACommandEndsWithItsLock(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	const patiently = "trap 'echo ended; exit 7' TERM; " + sayToken + "; while :; do sleep 0.05; done"
	lost := lock(t, []*process{p}, "--token", "another", "--ttl", "1s", "jobs", "--", "sh", "-c", patiently)
	eventually(t, "it to have the lock", func() bool { return strings.HasPrefix(lost.stdout.String(), "jobs ") })
	token := tokenIn(t, lost.stdout.String())
	if a := p.post("/txn", fmt.Sprintf(`{"then":[{"op":"revoke","lease":%d}]}`, token)); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	if code := lost.ends(); code != 1 || !strings.HasSuffix(lost.stdout.String(), "ended\n") || !strings.Contains(lost.stderr.String(), "the lock is lost") {
		t.Errorf("exit code %d, %q, %q", code, lost.stdout.String(), lost.stderr.String())
	}

	again := lock(t, []*process{p}, "--token", "another", "jobs", "--", "sh", "-c", patiently)
	eventually(t, "it to have the lock", func() bool { return strings.HasPrefix(again.stdout.String(), "jobs ") })
	again.cmd.Process.Signal(os.Interrupt)
	if code := again.ends(); code != 7 || !strings.HasSuffix(again.stdout.String(), "ended\n") {
		t.Errorf("interrupted: exit code %d, %q, %q", code, again.stdout.String(), again.stderr.String())
	}
	if _, errs, code := runs(t, []*process{p}, "", "kv", "get", "jobs", "--token", "another"); code != exitNo || !strings.Contains(errs, "does not exist") {
		t.Errorf("the lock was not given back: %q", errs)
	}

	for args, want := range map[string]struct {
		says string
		code int
	}{
		"--token secret jobs true":              {`web has no right to `, 1},
		"jobs true":                             {"Give BALSA_TOKEN", 1},
		"--token secret users/l -- no-such-cmd": {"no-such-cmd", 1},
		"--ttl 10ms users/l true":               {"--ttl", 2},
		"--try --wait 1s users/l true":          {"exclude each other", 2},
		"users/l --":                            {"lock needs a command", 2},
	} {
		l := lock(t, []*process{p}, strings.Fields(args)...)
		if code := l.ends(); code != want.code || !strings.Contains(l.stderr.String(), want.says) {
			t.Errorf("%s: exit code %d, %s", args, code, l.stderr.String())
		}
	}
}
