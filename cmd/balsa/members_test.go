package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/balsaraft/balsa"
)

// membersOf lists the members by name, as an operation prints them.
func membersIn(t *testing.T, out string) map[string]balsa.MemberStatus {
	t.Helper()
	var list []balsa.MemberStatus
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	all := map[string]balsa.MemberStatus{}
	for _, m := range list {
		all[m.Name] = m
	}
	return all
}

func TestAPersonChangesTheMembers(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c d", "--timing", "lan")
	startAll(all)
	awaitHealthy(t, all)
	a, c, d := all[0], all[2], all[3]
	ask := func(words ...string) []string { return append(words, "--server", a.httpURL) }

	if out := mustRun(t, ask("members")...); !strings.HasPrefix(out, "MEMBER  IDENTITY") || strings.Count(out, "voter") != 4 {
		t.Errorf("members: %s", out)
	}
	mustFail(t, 1, "there is no such member as x; there are a, b, c, d", ask("remove", "x")...)
	id := d.mustStatus().ID.String()
	if m := membersIn(t, mustRun(t, ask("remove", "d", "--json")...)); len(m) != 3 {
		t.Errorf("after d was removed there are %v", m)
	}
	mustRun(t, ask("remove", id)...) // once more: there is none of this identity
	eventually(t, "d is told", func() bool { s, err := d.status(); return err == nil && s.Role == "removed" })

	if m := membersIn(t, mustRun(t, ask("add", d.httpURL, "--json")...)); m["d"].Role != "voter" {
		t.Errorf("after d was added again there are %v", m)
	}
	mustRun(t, ask("add", d.httpURL)...)
	mustRun(t, ask("promote", "d")...)
	d.mustPut("back", "again")

	// Two people at the same time.
	var both sync.WaitGroup
	for _, words := range [][]string{{"remove", "d"}, {"transfer", "b"}} {
		both.Go(func() { mustRun(t, ask(words...)...) })
	}
	both.Wait()
	if m := membersIn(t, mustRun(t, ask("members", "--json")...)); len(m) != 3 {
		t.Errorf("the members are %v", m)
	}
	// Where processes are kept waiting, an election may come before the question.
	eventually(t, "a to lead", func() bool {
		mustRun(t, ask("transfer", "a")...)
		return a.mustStatus().Role == "leader"
	})
	mustRun(t, ask("transfer", "a")...) // it does already
	eventually(t, "somebody else to lead", func() bool {
		mustRun(t, ask("transfer")...)
		return a.mustStatus().Role != "leader"
	})
	mustRun(t, ask("transfer", "a")...)

	c.kill()
	eventually(t, "c is missed", func() bool { return !membersIn(t, mustRun(t, ask("members", "--json")...))["c"].Active })
	mustFail(t, 1, "no majority could be reached, and nothing could be written: c does not answer", ask("remove", "b")...)
	mustFail(t, 1, "does not answer", append([]string{"transfer", "c", "--server", a.httpURL}, "--timeout", "5s")...)
	mustRun(t, ask("remove", "c")...)
	mustRun(t, ask("remove", "b")...)
	mustFail(t, 1, "it is the only voter", ask("remove", "a")...)
	a.mustGet("back", "again")

	e := newProcess(t, "e", "--timing", "lan").start() // a cluster of its own
	e.awaitReady()
	mustFail(t, 1, "start it with an empty directory and --join", ask("add", e.httpURL)...)
	mustFail(t, 2, "it must be a URL", ask("add", "e")...)
}
