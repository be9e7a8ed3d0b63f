package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
)

func TestTableShowsWhatIsKnownAndADashForTheRest(t *testing.T) {
	members := []balsa.MemberStatus{
		{Name: "c", ID: 3, Addr: "h:3", Role: "learner", Match: 90, Active: true},
		{Name: "a", ID: 1, Addr: "h:1", Role: "voter", Match: 100, Active: true},
		{Name: "b", ID: 2, Addr: "h:2", Role: "voter", Match: 40},
	}
	unasked := []balsa.MemberStatus{
		{Name: "c", ID: 3, Addr: "h:3", Role: "learner"}, {Name: "a", ID: 1, Addr: "h:1", Role: "voter"},
		{Name: "b", ID: 2, Addr: "h:2", Role: "voter", Match: 95, Active: true},
	}
	leader := balsa.Status{Name: "a", ID: 1, Role: "leader", Leader: "a", LeaderID: 1, Term: 7, Commit: 100, Applied: 100, Members: members}
	follower := balsa.Status{Name: "b", ID: 2, Role: "follower", Leader: "a", LeaderID: 1, Term: 7, Commit: 95, Applied: 90, Members: members}
	alone := balsa.Status{Name: "b", ID: 2, Role: "follower", Leader: "a", LeaderID: 1, Term: 7, Commit: 95, Applied: 90, Members: unasked}
	lonely := balsa.Status{Name: "d", ID: 4, Addr: "h:4", Role: "joining", Waiting: "no member has answered at h:9"}
	apart := follower
	apart.Diverged = "member c (3): after entry 1024 it hashes to 1, and that of most members to 2"
	for what, c := range map[string]struct {
		asked []balsa.Status
		want  string
	}{
		"the leader": {[]balsa.Status{leader}, `
MEMBER  ROLE     ADDRESS  STATE        TERM  COMMIT  APPLIED  LAG
a       voter    h:1      leader       7     100     100      0
b       voter    h:2      unreachable  -     -       -        60
c       learner  h:3      learner      -     -       -        10
Cluster version 0.0
`},
		"a follower that has asked the leader": {[]balsa.Status{follower}, `
MEMBER  ROLE     ADDRESS  STATE     TERM  COMMIT  APPLIED  LAG
a       voter    h:1      leader    -     -       -        0
b       voter    h:2      follower  7     95      90       10
c       learner  h:3      learner   -     -       -        10
Cluster version 0.0
`},
		"a follower that had no answer from the leader": {[]balsa.Status{alone}, `
MEMBER  ROLE     ADDRESS  STATE     TERM  COMMIT  APPLIED  LAG
a       voter    h:1      leader    -     -       -        -
b       voter    h:2      follower  7     95      90       5
c       learner  h:3      -         -     -       -        -
Cluster version 0.0
`},
		"one that has heard of states that differ": {[]balsa.Status{apart}, `
MEMBER  ROLE     ADDRESS  STATE     TERM  COMMIT  APPLIED  LAG
a       voter    h:1      leader    -     -       -        0
b       voter    h:2      follower  7     95      90       10
c       learner  h:3      learner   -     -       -        10
Cluster version 0.0
b: members have different states: member c (3): after entry 1024 it hashes to 1, and that of most members to 2
`},
		"both": {[]balsa.Status{follower, leader}, `
MEMBER  ROLE     ADDRESS  STATE     TERM  COMMIT  APPLIED  LAG
a       voter    h:1      leader    7     100     100      0
b       voter    h:2      follower  7     95      90       10
c       learner  h:3      learner   -     -       -        10
Cluster version 0.0
`},
		"one that belongs to no cluster yet": {[]balsa.Status{lonely}, `
MEMBER  ROLE  ADDRESS  STATE    TERM  COMMIT  APPLIED  LAG
d       -     h:4      joining  0     0       0        0
Cluster version 0.0
d: no member has answered at h:9
`},
	} {
		var b strings.Builder
		if err := printTable(&b, c.asked); err != nil || b.String() != c.want[1:] {
			t.Errorf("%s: %v\n%s\nwant\n%s", what, err, b.String(), c.want[1:])
		}
	}
}

func TestFoundersAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"a=h:1,b=h:2":   "",
		" a=h:1, b=h:2": "",
		"":              "is not NAME=HOST:PORT",
		"a":             "is not NAME=HOST:PORT",
		"=h:1":          "is not NAME=HOST:PORT",
		"a=":            "is not NAME=HOST:PORT",
		"a=h:1,":        "is not NAME=HOST:PORT",
		"a=h:1,a=h:2":   "give each member a name of its own",
	} {
		var f founders
		err := f.UnmarshalText([]byte(text))
		if want == "" && (err != nil || len(f) != 2) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, %v; want %q", text, f, err, want)
		}
	}
}

func TestWatchLooksAgainAndOutlivesTheMember(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	var said safeBuffer
	watch := exec.Command("balsa", "status", "--watch", "--server", p.httpURL)
	watch.Stdout = &said
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { watch.Process.Kill() })
	eventually(t, "two tables", func() bool { return strings.Count(said.String(), "\na       voter ") >= 2 })
	p.kill()
	eventually(t, "the loss to be said", func() bool { return strings.Contains(said.String(), "connection refused") })
	watch.Process.Signal(os.Interrupt)
	if err := watch.Wait(); err != nil {
		t.Errorf("interrupted: %v", err)
	}
}
