package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/balsaraft/balsa/sim/spec"
)

// What processes write down while they are killed and come back follows the rules of the
// paper: what a killed member had said to others stands in its trace.
func TestTracesOfProcessesFollowTheSpecification(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	dir := t.TempDir()
	for _, p := range all {
		p.extra = append(p.extra, "--trace", filepath.Join(dir, p.name))
	}
	startAll(all)
	for round := range 6 {
		victim := all[round%len(all)]
		victim.kill()
		for k := range 20 {
			key := fmt.Sprintf("%d-%d", round, k)
			if a, err := all[(round+1)%len(all)].do("PUT", key, key); err != nil || a.status != 200 {
				t.Logf("put %s: %v %v", key, a, err) // while there is no leader
			}
		}
		victim.start()
		victim.awaitReady()
	}
	var traces []io.Reader
	for _, p := range all {
		p.kill()
		f, err := os.Open(filepath.Join(dir, p.name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		traces = append(traces, f)
	}
	const least = 500 // what less than that shows is not worth judging
	if n, err := spec.Check(traces...); err != nil || n < least {
		t.Errorf("%d events follow the rules, then: %v", n, err)
	}
}

func TestALineThatWasCutOffByAKillIsTakenBack(t *testing.T) {
	for before, want := range map[string]string{
		"": "", "half": "", "one\n": "one\n", "one\ntwo\nhal": "one\ntwo\n",
	} {
		name := filepath.Join(t.TempDir(), "trace")
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := (&serveCommand{Trace: name}).trace()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("next\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if got, err := os.ReadFile(name); err != nil || string(got) != want+"next\n" {
			t.Errorf("%q goes on as %q (%v)", before, got, err)
		}
	}
}
