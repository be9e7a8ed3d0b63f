package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/wire"
)

func TestFoundersFormAClusterThatAFourthJoins(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	all[0].mustPut("k", "v")
	for _, p := range all {
		p.mustGet("k", "v")
	}
	fourth := newProcess(t, "d", "--join", all[1].addr+","+all[2].addr)
	fourth.start().awaitReady()
	fourth.mustGet("k", "v")
	fourth.mustPut("k", "w")
	all[0].mustGet("k", "w")
	awaitHealthy(t, append(all, fourth))

	t.Run("a wiped member comes back under its name", func(t *testing.T) {
		old := all[2].mustStatus().ID
		all[2].kill()
		if err := os.RemoveAll(all[2].dir); err != nil {
			t.Fatal(err)
		}
		all[0].mustPut("while", "away")
		all[2].start().awaitReady()
		awaitHealthy(t, append(all, fourth))
		s := leaderOf(t, append(all, fourth)).mustStatus()
		named := 0
		for _, m := range s.Members {
			if m.ID == old {
				t.Errorf("the lost identity %s is still a member", old)
			}
			if m.Name == "c" {
				named++
			}
		}
		if named != 1 {
			t.Errorf("%d members are named c: %+v", named, s.Members)
		}
		all[2].mustGet("while", "away")
	})

	t.Run("all come back after all were killed", func(t *testing.T) {
		for _, p := range append(all, fourth) {
			p.kill()
		}
		startAll(append(all, fourth))
		fourth.mustGet("while", "away")
		all[2].mustGet("k", "w")
	})
}

func TestTerminatedLeaderHandsOverAndExitsCleanly(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	leader := leaderOf(t, all)
	term := leader.mustStatus().Term
	if code := leader.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	var others []*process
	for _, p := range all {
		if p != leader {
			others = append(others, p)
		}
	}
	next := leaderOf(t, others)
	if s := next.mustStatus(); s.Term != term+1 {
		t.Errorf("the new leader's term is %d after %d: it was elected, not handed over to", s.Term, term)
	}
	others[0].mustPut("k", "v")
	leader.start().awaitReady()
	leader.mustGet("k", "v")
}

func TestStatusShowsEveryMember(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	awaitHealthy(t, all)
	var urls []string
	for _, p := range all {
		urls = append(urls, p.httpURL)
	}
	out := stdoutOf(t, "status", "--server", strings.Join(urls, ","))
	rows := strings.Split(strings.TrimSpace(out), "\n")
	if len(rows) != 5 || rows[4] != fmt.Sprintf("Cluster version %d.0", wire.LogVersion) || !strings.HasPrefix(rows[0], "MEMBER  ROLE   ADDRESS") || strings.Count(out, " leader ") != 1 || strings.Count(out, " follower ") != 2 {
		t.Errorf("\n%s", out)
	}
	for i, p := range all {
		if f := strings.Fields(rows[i+1]); len(f) != 8 || f[0] != p.name || f[1] != "voter" || f[2] != p.addr || f[7] != "0" {
			t.Errorf("%q is not the line of %s", rows[i+1], p.name)
		}
	}
	if one := stdoutOf(t, "status", "--server", leaderOf(t, all).httpURL); strings.Count(one, "follower") != 2 || strings.Count(one, "\n") != 5 {
		t.Errorf("asked of the leader alone:\n%s", one)
	}
	if js := stdoutOf(t, "status", "--json", "--server", urls[0]); !strings.Contains(js, `"name": "a"`) || !strings.Contains(js, `"match": `) {
		t.Errorf("as JSON: %s", js)
	}
}
