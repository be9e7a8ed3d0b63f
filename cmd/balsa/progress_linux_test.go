package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fill writes so many values of half a MiB, which do not compress.
func (p *process) fill(keys string, n int) {
	p.t.Helper()
	value := make([]byte, 512<<10)
	for i := range n {
		rand.Read(value)
		p.mustPut(fmt.Sprintf("%s/%d", keys, i), string(value))
	}
}

// Each long command says how far it is, how fast it goes and what time is left: on a
// terminal in one line that is drawn again, elsewhere in plain lines, and nowhere in colour.
func TestLongWorkTellsHowFarItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := newProcess(t, "a").start()
	a.awaitReady()
	a.fill("first", 16)
	mustRun(t, "snapshot", "--server", a.httpURL) // which tells how large the state is
	a.fill("second", 16)

	// Joining: a member far behind, and one that was away, told of its removal, and is added
	// again.
	b := newProcess(t, "b", "--join", a.addr)
	joining, process := programOnTerminal(t, talkative, nil, b.args()...)
	tells := func(what string, on *safeBuffer, is *regexp.Regexp) {
		t.Helper()
		eventually(t, what+" to tell how far it is", func() bool { return is.MatchString(on.String()) })
		if strings.Contains(on.String(), "\x1b[3") {
			t.Errorf("%s tells it in colour: %q", what, on.String())
		}
	}
	taken := drawn("receiving the state", "catching up")
	slowly(process, func() bool {
		return taken.MatchString(joining.String()) || strings.Contains(joining.String(), "ready name=b")
	})
	tells("serve --join", joining, taken)
	eventually(t, "b to be ready", func() bool { return strings.Contains(joining.String(), "ready name=b") })
	if line := joining.String()[:strings.Index(joining.String(), "ready name=b")]; !strings.HasSuffix(line, clearRight) && !strings.HasSuffix(line, "\n") {
		t.Errorf("ready is said in the line of the progress: %q", tail(line))
	}
	c := newProcess(t, "c", "--join", a.addr).start()
	c.awaitReady()
	awaitHealthyBut(t, a, 3)
	c.cmd.Process.Signal(syscall.SIGSTOP)
	mustRun(t, "remove", "c", "--server", a.httpURL)
	a.fill("third", 16)
	adding, _ := programOnTerminal(t, talkative, nil, "add", c.httpURL, "--server", a.httpURL)
	taken = drawn("c receives the state", "c catches up")
	slowly(c.cmd.Process, func() bool { return taken.MatchString(adding.String()) || strings.Contains(adding.String(), "REACHED") })
	tells("add", adding, taken)

	file := filepath.Join(dir, "f.zst")
	mustRun(t, "backup", file, "--server", a.httpURL)
	for _, long := range []struct {
		what string // as the line calls it
		args func(dir string) []string
	}{
		{"snapshot", func(string) []string { return []string{"snapshot", "--server", a.httpURL} }},
		{"backup", func(dir string) []string {
			return []string{"backup", filepath.Join(dir, "f.zst"), "--server", a.httpURL}
		}},
		{"check", func(string) []string { return []string{"backup", "--check", file} }},
		{"restore", func(dir string) []string {
			return []string{"restore", file, "--dir", filepath.Join(dir, "new"), "--name", "new"}
		}},
		{"restore", func(string) []string { return []string{"restore", file, "--running", "--yes", "--server", a.httpURL} }},
		{"bench", func(string) []string {
			return []string{"bench", "--clients", "2", "--duration", "300ms", "--server", a.httpURL}
		}},
	} {
		a.mustPut("more", long.what) // or there would be nothing to take a snapshot of
		on, _ := programOnTerminal(t, talkative, []string{"NO_COLOR=1"}, long.args(t.TempDir())...)
		tells(long.what, on, drawn(long.what))
		eventually(t, long.what+" to end", func() bool { return strings.HasSuffix(on.String(), "\r\n") })
		for line := range strings.SplitSeq(on.String(), "\r\n") {
			if said := line[strings.LastIndex(line, toLineStart)+1:]; strings.Contains(said, long.what+": ") {
				t.Errorf("%s says what came of it in the line of its progress: %q", long.what, said)
			}
		}
		a.mustPut("more", "again")
		plainly(t, long.what, long.args(t.TempDir())...)
	}
	if code := a.terminate(); code != exitDone {
		t.Fatalf("a ends with %d", code)
	}
	plainly(t, "log", "log", "verify", a.dir)
	verifying, _ := programOnTerminal(t, talkative, nil, "log", "verify", a.dir)
	tells("log verify", verifying, drawn("log"))
}

// slowly lets a process run a tenth of the time until something is so, as on a machine that
// is slow: members tell each other how they stand some times a second.
func slowly(p *os.Process, until func() bool) {
	for end := time.Now().Add(patience); !until() && time.Now().Before(end); {
		p.Signal(syscall.SIGSTOP)
		time.Sleep(200 * time.Millisecond)
		p.Signal(syscall.SIGCONT)
		time.Sleep(20 * time.Millisecond)
	}
}

// far is what a line of progress says: how far it is, how fast it goes, what time is left.
const far = `: [^\r\n]*/s, [^\r\n]+ left`

// drawn is a line of progress about one of these works, drawn at the start of a terminal's
// line.
func drawn(works ...string) *regexp.Regexp {
	return regexp.MustCompile(regexp.QuoteMeta(noWrap+toLineStart) + "(" + strings.Join(works, "|") + ")" + far + regexp.QuoteMeta(clearRight))
}

// plainly runs a command without a terminal, which tells how far it is in lines of plain
// text.
func plainly(t *testing.T, what string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), talkative, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v: %s", what, err, stderr.String())
	}
	if !regexp.MustCompile(`(?m)^` + what + far + `$`).MatchString(stderr.String()) {
		t.Errorf("%s says in no line how far it is:\n%s", what, stderr.String())
	}
	if strings.ContainsAny(stderr.String(), "\r\x1b") {
		t.Errorf("%s draws where there is no terminal: %q", what, stderr.String())
	}
}

// awaitHealthyBut waits until there are so many members, and all have what is committed.
func awaitHealthyBut(t *testing.T, leader *process, members int) {
	t.Helper()
	eventually(t, "all to have all", func() bool {
		s := leader.mustStatus()
		if len(s.Members) != members {
			return false
		}
		for _, m := range s.Members {
			if !m.Active || m.Match < s.Commit {
				return false
			}
		}
		return true
	})
}
