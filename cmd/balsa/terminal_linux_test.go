package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a screen of so many columns and lines: shown is what a program writes to it,
// and what is typed on the keyboard it reads.
func terminal(t *testing.T, columns, lines uint16) (screen, keyboard *os.File, shown *safeBuffer) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there is no terminal to be had: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
	shown = new(safeBuffer)
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := master.Read(b)
			shown.Write(b[:n])
			if err != nil {
				return // all ends of the screen are closed
			}
		}
	}()
	return screen, master, shown
}

// onTerminal starts the command on a screen, without NO_COLOR unless it is among env.
func onTerminal(t *testing.T, env []string, args ...string) *safeBuffer {
	t.Helper()
	shown, _ := programOnTerminal(t, "balsa", env, args...)
	return shown
}

func programOnTerminal(t *testing.T, program string, env []string, args ...string) (*safeBuffer, *os.Process) {
	t.Helper()
	screen, _, shown := terminal(t, 100, 24)
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NO_COLOR=") && !strings.HasPrefix(v, "TERM=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(append(cmd.Env, "TERM=xterm"), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-exited })
	return shown, cmd.Process
}

func TestOnATerminalStatusIsDrawnAgainInItsPlace(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	shown := onTerminal(t, nil, "status", "--watch", "--server", p.httpURL)
	// A table of two lines, one with the version and one that says what this is, and up to the first of them again.
	again := fmt.Sprintf(linesUp, 4) + "\x1b[1mMEMBER\x1b[0m"
	eventually(t, "the table to be drawn again", func() bool { return strings.Contains(shown.String(), again) })
	if !strings.Contains(shown.String(), "\x1b[32mleader\x1b[0m") {
		t.Errorf("the leader has no colour: %q", shown.String())
	}
	p.kill()
	eventually(t, "the loss to be said", func() bool { return strings.Contains(shown.String(), "\x1b[31mGet ") })
}

func TestColoursAreForThoseWhoWantThem(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "a")
	p.start().awaitReady()
	for what, c := range map[string]struct {
		env      []string
		coloured bool
	}{
		"a terminal":                {nil, true},
		"NO_COLOR is set":           {[]string{"NO_COLOR=1"}, false},
		"NO_COLOR is empty":         {[]string{"NO_COLOR="}, true},
		"a terminal without colour": {[]string{"TERM=dumb"}, false},
	} {
		shown := onTerminal(t, c.env, "status", "--server", p.httpURL)
		eventually(t, "the table", func() bool { return strings.Contains(shown.String(), p.addr) })
		if got := strings.Contains(shown.String(), "\x1b["); got != c.coloured {
			t.Errorf("%s: %q", what, shown.String())
		}
	}
	if out := stdoutOf(t, "status", "--server", p.httpURL); strings.Contains(out, "\x1b") {
		t.Errorf("to a pipe: %q", out)
	}
}

func TestAScreenShowsWhatThereIsRoomFor(t *testing.T) {
	end, _, shown := terminal(t, 80, 5)
	s := screen{out: end}
	if err := s.show([]string{"1", "2", "3", "4", "5", "6"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lines", func() bool { return strings.Contains(shown.String(), wrap) })
	if !strings.Contains(shown.String(), "3"+clearRight+"\r\n… and 3 lines more"+clearRight) || s.drawn != 4 {
		t.Errorf("%d lines: %q", s.drawn, shown.String())
	}
}

// Somebody sits before bash and presses Tab.
func TestTabCompletesInBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not here")
	}
	screen, keyboard, shown := terminal(t, 100, 24)
	cmd := exec.Command(bash, "--noprofile", "--norc", "-i")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.Env = append(os.Environ(), "PS1=now> ", "TERM=xterm", "INPUTRC=/dev/null")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for _, step := range []struct{ typed, seen string }{
		{"source <(balsa completion bash); echo loa''ded\n", "loaded"},
		{"balsa stat\t", "balsa status "},
		{"--wat\t", "balsa status --watch "},
	} {
		if _, err := keyboard.WriteString(step.typed); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprintf("%q after %q", step.seen, step.typed), func() bool { return strings.Contains(shown.String(), step.seen) })
	}
}
