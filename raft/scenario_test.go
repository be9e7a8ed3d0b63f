package raft_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

var update = flag.Bool("update", false, "write the output of the scenarios in testdata anew")

// TestScenarios plays the files of testdata. Each is a story in paragraphs: commands,
// then ---- and what is to be seen afterwards, which ends at an empty line. Lines that
// begin with # are comments; the first is the promise. Commands are in command_test.go.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# ") {
		t.Errorf("%s does not begin with a sentence that says what it promises", file)
	}
	got := newScenario(t).play(string(text))
	if got == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s ends differently. With -update it would read:\n%s", file, got)
}

// scenario plays one file.
type scenario struct {
	t     *testing.T
	w     *world
	out   strings.Builder
	reads uint64
	seen  int // answers that were printed
}

func newScenario(t *testing.T) *scenario {
	s := &scenario{t: t}
	// Members wait the longer the higher their identity is, so that a story knows who
	// campaigns first: 1.11s after the last sign of life, 1.22s, and so on.
	patience := func(id wire.MemberID) func() uint64 {
		return func() uint64 { return uint64(id) * uint64(110*time.Millisecond) }
	}
	s.w = newWorld(raft.Config{}, patience)
	s.w.report = func(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }
	return s
}

// play returns the text with the output as it is now.
func (s *scenario) play(text string) string {
	defer func() {
		if v, ok := recover().(violation); ok {
			s.t.Fatalf("%sthe judge: %s", s.out.String(), string(v))
		}
	}()
	var b strings.Builder
	checking := false
	for line := range strings.Lines(text) {
		command := strings.TrimSpace(line)
		switch {
		case checking && command != "":
			continue
		case command == "----":
			s.finish()
			b.WriteString(line)
			b.WriteString(s.out.String())
			s.out.Reset()
			checking = true
			continue
		case command != "" && command[0] != '#':
			s.run(command)
		}
		checking = false
		b.WriteString(line)
	}
	return b.String()
}

// finish prints how all members stand.
func (s *scenario) finish() {
	for _, m := range s.w.members {
		s.print("%s", describe(m))
	}
}

func (s *scenario) print(format string, args ...any) { s.w.report(format, args...) }

func (s *scenario) run(line string) {
	words := strings.Fields(line)
	do, ok := commands[words[0]]
	if !ok {
		s.t.Fatalf("unknown command %q", line)
	}
	do(s, parse(s.t, line, words[1:]))
	for ; s.seen < len(s.w.answers); s.seen++ {
		a := s.w.answers[s.seen]
		if a.Failed {
			s.print("%s fails read %d", a.member, a.ID)
			continue
		}
		s.print("%s answers read %d with index %d", a.member, a.ID, a.Index)
	}
}

// describe is a member in a line. What goes without saying is left out.
func describe(m *member) string {
	if !m.up() {
		d := m.disk
		line := fmt.Sprintf("%s down term=%d", m.id, d.hard.Term)
		if d.hard.Vote != 0 {
			line += fmt.Sprintf(" vote=%s", d.hard.Vote)
		}
		return line + fmt.Sprintf(" last=%s", d.log.last())
	}
	s := m.core.Status()
	line := fmt.Sprintf("%s %s term=%d", s.ID, s.Role, s.Term)
	add := func(say bool, format string, args ...any) {
		if say {
			line += fmt.Sprintf(" "+format, args...)
		}
	}
	add(s.Leader != 0 && s.Role != raft.Leader, "leader=%s", s.Leader)
	add(m.log.start.Index > 0, "start=%s", m.log.start)
	add(true, "last=%s commit=%s", s.Last, m.log.pos(s.Committed))
	add(s.Durable < s.Last.Index, "durable=%d", s.Durable)
	add(s.Applied < s.Committed, "applied=%d", s.Applied)
	add(s.Transferee != 0, "transfer=%s", s.Transferee)
	return line
}
