package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// watching is a watch in a process of its own.
type watching struct {
	cmd    *exec.Cmd
	stdout safeBuffer
	stderr safeBuffer
}

func watch(t *testing.T, all []*process, args ...string) *watching {
	t.Helper()
	var urls []string
	for _, p := range all {
		urls = append(urls, p.httpURL)
	}
	w := &watching{cmd: exec.CommandContext(t.Context(), "balsa", append([]string{"kv", "watch", "--server", strings.Join(urls, ",")}, args...)...)}
	w.cmd.Stdout, w.cmd.Stderr = &w.stdout, &w.stderr
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// ends interrupts it, which must be no error.
func (w *watching) ends(t *testing.T) {
	t.Helper()
	w.cmd.Process.Signal(os.Interrupt)
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v, %s", err, w.stderr.String())
	}
}

// Each change is told once and in order, whichever members go away meanwhile.
func TestAWatchFromTheCommandLineOutlivesItsMember(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	all[1].mustPut("n/0", "first")
	w := watch(t, all, "--prefix", "n/", "--from", "1")
	one := watch(t, all, "n/3", "--from", "1", "--json")
	eventually(t, "the first change", func() bool { return strings.Contains(w.stdout.String(), "\tset\tn/0\tfirst\n") })
	all[0].kill() // whom both were asking
	for i := range 5 {
		all[1].mustPut(fmt.Sprint("n/", i), fmt.Sprint("v", i))
		all[1].mustPut("other", "unseen")
	}
	eventually(t, "the last change", func() bool { return strings.Contains(w.stdout.String(), "n/4\tv4\n") })
	all[0].start().awaitReady()
	all[1].kill()
	if a, err := all[2].do("DELETE", "n/1", ""); err != nil || a.status != 200 {
		t.Fatalf("%+v, %v", a, err)
	}
	eventually(t, "the deletion", func() bool { return strings.Contains(w.stdout.String(), "\tdel\tn/1\n") })
	w.ends(t)
	one.ends(t)
	seen := regexp.MustCompile(`(?m)^\d+\t`).ReplaceAllString(w.stdout.String(), "")
	if want := "set\tn/0\tfirst\nset\tn/0\tv0\nset\tn/1\tv1\nset\tn/2\tv2\nset\tn/3\tv3\nset\tn/4\tv4\ndel\tn/1\n"; seen != want {
		t.Errorf("it was told\n%swant\n%s", seen, want)
	}
	var c changed
	if err := json.Unmarshal([]byte(one.stdout.String()), &c); err != nil || c.Index == 0 || len(c.Events) != 1 || c.Events[0].Key != "n/3" || c.Events[0].Value != "v3" {
		t.Errorf("as JSON: %s, %v", one.stdout.String(), err)
	}
}

func TestAWatchThatCannotBeSaysWhy(t *testing.T) {
	t.Parallel()
	p := startGuarded(t)
	p.mustPut("users/1", "v")
	p.mustPut("users/1", "w")
	last := p.mustStatus().Applied
	body := fmt.Sprintf(`{"then":[{"op":"compact","revision":%d}]}`, last)
	if a := p.post("/txn", body); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	for _, step := range []struct {
		line, errs string
		code       int
	}{
		{"kv watch users/1", "Give BALSA_TOKEN", 1},
		{"kv watch other --token secret", `web has no right to read "other"`, 1},
		{"kv watch users/1 --token secret --from 1", fmt.Sprintf("is compacted: it begins after %d; read the present state, and watch from its revision on; read what is there now with balsa kv scan, and watch with --from %d", last, last+1), 1},
		{"kv watch", "a key, or --prefix", 2},
		{"kv watch users/1 --prefix users/", "exclude each other", 2},
	} {
		out, errs, code := runs(t, []*process{p}, "", strings.Fields(step.line)...)
		if code != step.code || !strings.Contains(errs, step.errs) || out != "" {
			t.Errorf("balsa %s: exit code %d, %q, %q; want %q", step.line, code, out, errs, step.errs)
		}
	}
	p.kill()
	_, errs, code := runs(t, []*process{p}, "", "kv", "watch", "users/1", "--token", "secret", "--timeout", "200ms")
	if code != 1 || !strings.Contains(errs, "no member could be watched for 200ms") {
		t.Errorf("without a member: exit code %d, %q", code, errs)
	}
}
