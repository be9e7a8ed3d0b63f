package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// runs runs the command against members, and returns what it says.
func runs(t *testing.T, all []*process, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var urls []string
	for _, p := range all {
		urls = append(urls, p.httpURL)
	}
	cmd := exec.CommandContext(t.Context(), "balsa", append(args, "--server", strings.Join(urls, ","))...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// The cluster is driven from a shell, whichever member is asked, and without the one that
// led at first.
func TestKeysAreReadAndWrittenFromTheCommandLine(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	index := regexp.MustCompile(`^\d+\n$`)
	changed := regexp.MustCompile(`does not hold`)
	for _, step := range []struct {
		line, stdin string
		out, errs   *regexp.Regexp
		exact       string
		code        int
	}{
		{line: "put color red", out: index},
		{line: "get color", exact: "red"},
		{line: "cas color red blue", out: index},
		{line: "cas color red blue", errs: changed, code: exitNo},
		{line: "put color white --if-version 0", errs: changed, code: exitNo},
		{line: "put lines -", stdin: "one\ntwo", out: index},
		{line: "put short x --ttl 1h", out: index},
		{line: "scan", exact: "color\tblue\nlines\t\"one\\ntwo\"\nshort\tx\n"},
		{line: "scan l", exact: "lines\t\"one\\ntwo\"\n"},
		{line: "scan --keys --limit 2", exact: "color\nlines\n"},
		{line: "get color --stale 1m", exact: "blue"},
		{line: "put color green --json", out: regexp.MustCompile(`^{\n  "index": \d+\n}\n$`)},
		{line: "cas color green blue --json", out: regexp.MustCompile(`"index": `)},
		{line: "get color --json", out: regexp.MustCompile(`^{\n  "key": "color",\n  "value": "blue",\n  "version": \d+,\n  "created": \d+,\n  "changes": 4\n}\n$`)},
		{line: "scan --json --keys l", out: regexp.MustCompile(`^{"key":"lines","version":\d+,"created":\d+,"changes":1}\n$`)},
		{line: "scan --json l", out: regexp.MustCompile(`^{"key":"lines","value":"one\\ntwo",.*}\n$`)},
		{line: "del color", out: index},
		{line: "del color", errs: regexp.MustCompile(`value does not exist`), code: exitNo},
		{line: "get color", errs: regexp.MustCompile(`color: value does not exist`), code: exitNo},
	} {
		out, errs, code := runs(t, all, step.stdin, append([]string{"kv"}, strings.Fields(step.line)...)...)
		if code != step.code || step.out != nil && !step.out.MatchString(out) || step.errs != nil && !step.errs.MatchString(errs) || step.exact != "" && out != step.exact {
			t.Errorf("balsa kv %s: exit code %d, %q, %q", step.line, code, out, errs)
		}
	}
	leaderOf(t, all).kill()
	if out, errs, _ := runs(t, all, "", "kv", "get", "lines"); out != "one\ntwo" {
		t.Errorf("without the leader: %q, %q", out, errs)
	}
}

func TestLoadIsMeasured(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	out, errs, code := runs(t, all, "", "bench", "--clients", "8", "--size", "100", "--keys", "50", "--duration", "300ms", "--json")
	var f figures
	if err := json.Unmarshal([]byte(out), &f); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %q %q", code, err, out, errs)
	}
	if f.Errors != 0 || f.Writes == 0 || f.OpsPerS <= 0 || f.P50 <= 0 || f.P50 > f.P99 || f.P99 > f.Max {
		t.Errorf("%+v", f)
	}
	keys, _, _ := runs(t, all, "", "kv", "scan", "--keys", "bench/")
	if n := strings.Count(keys, "\n"); n == 0 || n > 50 || n > f.Writes {
		t.Errorf("%d keys after %d writes to 50", n, f.Writes)
	}
	if _, errs, code := runs(t, all, "", "bench", "--clients", "0"); code != 2 || !strings.Contains(errs, "--clients") {
		t.Errorf("no clients: exit code %d, %q", code, errs)
	}
}

// What cannot be answered says so soon enough, and what to do.
func TestACallerWithoutAClusterSaysSo(t *testing.T) {
	t.Parallel()
	nobody := newProcess(t, "nobody")
	_, errs, code := runs(t, []*process{nobody}, "", "kv", "get", "k", "--timeout", "300ms")
	if code != 1 || !strings.Contains(errs, "not committed") && !strings.Contains(errs, "refused") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}
