package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// balsaRecover runs the command on a member's directory.
func balsaRecover(p *process, flags ...string) (stdout, stderr string, err error) {
	cmd := exec.Command("balsa", append([]string{"recover", "--dir", p.dir}, flags...)...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

// Scenario quorum-lost, as a person goes through it: two of three machines are gone.
func TestAPersonRecoversAClusterThatLostItsMajority(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c", "--timing", "lan")
	startAll(all)
	awaitHealthy(t, all)
	a, b, c := all[0], all[1], all[2]
	if got := a.say("put 1 bar"); !strings.HasPrefix(got, "Ok: Appended at") {
		t.Fatal(got)
	}
	awaitHealthy(t, all)
	for _, flags := range [][]string{nil, {"--dry-run"}, {"--json"}} {
		out, problems, err := balsaRecover(a, flags...)
		if err == nil || out != "" || !strings.Contains(problems, "a member that runs is not recovered") {
			t.Errorf("a member that runs, %v: %v, %s%s", flags, err, out, problems)
		}
	}
	a.mustPut("2", "it runs on")
	awaitHealthy(t, all)
	for _, p := range all {
		p.kill()
	}
	plan, _, err := balsaRecover(a, "--dry-run")
	if err != nil || !regexp.MustCompile(`Nothing was changed`).MatchString(plan) || !strings.Contains(plan, "Member a, a voter of cluster") {
		t.Errorf("a dry run: %v\n%s", err, plan)
	}
	out, problems, err := balsaRecover(a, "--json")
	var done recovered
	if err != nil || json.Unmarshal([]byte(out), &done) != nil {
		t.Fatalf("%v: %s%s", err, out, problems)
	}
	if done.Name != "a" || done.New == 0 || done.New == done.Former || done.Last == 0 || done.Uncertain != done.Last-done.Known {
		t.Errorf("it says %+v", done)
	}
	a.start()
	eventually(t, "a leads alone", func() bool { s, err := a.status(); return err == nil && s.Role == "leader" && len(s.Members) == 1 })
	if got := a.say("get 1"); got != "Ok: bar" {
		t.Errorf("after the recovery: %s", got)
	}
	// One comes back as it was, the other as the recipe says: with an empty directory.
	b.start()
	eventually(t, "b is told", func() bool { s, err := b.status(); return err == nil && strings.Contains(s.Waiting, "empty directory") })
	if err := os.RemoveAll(c.dir); err != nil {
		t.Fatal(err)
	}
	c.start()
	eventually(t, "c votes", func() bool {
		s, err := a.status()
		return err == nil && len(s.Members) == 2 && s.Members[0].Role == "voter" && s.Members[1].Role == "voter"
	})
	if got := c.say("get 1"); got != "Ok: bar" {
		t.Errorf("the new member: %s", got)
	}
}
