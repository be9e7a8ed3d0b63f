package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

// A member whose store has another content than the others' is found out at the next
// comparison: it ends and says why, status on the others names it, and its files stay.
func TestAMemberWhoseStateDiffersIsNamedAndTakenOutOfService(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	awaitHealthy(t, all)
	a, c := all[0], all[2]
	a.mustPut("color", "red")
	eventually(t, "c to have it", func() bool { return c.mustStatus().Applied >= a.mustStatus().Commit })
	if code := c.terminate(); code != exitDone {
		t.Fatalf("c ends with %d", code)
	}
	store, err := kv.Open(kv.Dir(c.dir), kv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	odd := balsa.Entry{Index: store.Applied() + 1, Term: 1}
	store.Apply(odd, kv.Do(kv.Set("color", []byte("odd"))))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	c.start().awaitReady()
	for n := 0; ; n++ { // states are compared at each 1,024th entry
		select {
		case <-c.exited:
		default:
			if n < 3000 {
				a.mustPut("more", "again")
				continue
			}
			t.Fatal("c serves on with another state than the others")
		}
		break
	}
	if code := c.cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(c.stderr.String(), "the state of this member differs from that of the others") {
		t.Errorf("c ends with %d, and says %s", code, tail(c.stderr.String()))
	}
	named := func(p *process) bool { return strings.Contains(p.mustStatus().Diverged, "member c (") }
	if !slices.ContainsFunc(all[:2], named) { // whoever led compared them
		t.Error("no status names c")
	}
	a.mustPut("color", "blue")
	for _, kept := range []string{kv.Dir(c.dir), filepath.Join(c.dir, identityFile)} {
		if _, err := os.Stat(kept); err != nil {
			t.Errorf("c's files are not kept: %v", err)
		}
	}
	mustFail(t, exitFailed, "start this member with an empty directory", c.args()...)
	if out := mustRun(t, "recover", "--dir", c.dir, "--dry-run"); !strings.Contains(out, "differ") {
		t.Errorf("recover says nothing of it: %s", out)
	}
}
