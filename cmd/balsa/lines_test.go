package main

import (
	"bufio"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// say sends a line to a member, as nc does, and returns the answer.
func (p *process) say(line string) string {
	p.t.Helper()
	conn, err := net.DialTimeout("tcp", p.lines, patience)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := conn.Write([]byte(line + "\n")); err != nil {
		p.t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, line, err)
	}
	return strings.TrimRight(answer, "\r\n")
}

// Whatever member a person asks, leader or not, and with one of the three away.
func TestAPersonDrivesThreeMembersByLine(t *testing.T) {
	t.Parallel()
	all := newCluster(t, "a b c")
	startAll(all)
	driveByLine(t, all, func(p *process) { p.terminate() }, func(p *process) { p.start().awaitReady() })
}

// driveByLine is a session with three members. The leader is stopped in the middle and
// started again.
func driveByLine(t *testing.T, all []*process, stop, start func(*process)) {
	t.Helper()
	awaitHealthy(t, all)
	appended := regexp.MustCompile(`^Ok: Appended at \d+$`)
	must := func(p *process, line, want string) {
		t.Helper()
		if got := p.say(line); got != want && !(want == "" && appended.MatchString(got)) {
			t.Errorf("%s answers %s with %q, want %q", p.name, line, got, want)
		}
	}
	must(all[0], "put 1 bar", "")
	must(all[1], "get 1", "Ok: bar")
	must(all[2], "put 2 foo", "")
	must(all[0], "del 1", "")
	must(all[1], "get 1", "Error: value does not exist")

	leader := leaderOf(t, all)
	var others []*process
	for _, p := range all {
		if p != leader {
			others = append(others, p)
		}
	}
	stop(leader)
	leaderOf(t, others)
	must(others[0], "put 1 baz", "")
	must(others[1], "get 1", "Ok: baz")
	start(leader)
	must(leader, "get 1", "Ok: baz")
	must(leader, "get 2", "Ok: foo")
}
