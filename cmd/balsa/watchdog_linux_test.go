package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// tellSlack is a program that rests its watchdog, and says what came of it.
func tellSlack() {
	restWatchdog()
	runtime.LockOSThread()
	fmt.Println(os.Getpid(), prctl(getTimerSlack, 0), os.Getenv("SAID"), os.Args[1:])
}

// A program begins anew once, as the same process with the same words, unless somebody has
// chosen how late its timers may be.
func TestAMembersWatchdogRests(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for before, want := range map[uintptr]uintptr{usualSlack: restedSlack, 70_000: 70_000, restedSlack: restedSlack} {
		runtime.LockOSThread() // a process has the slack of the thread that begins it
		mine := prctl(getTimerSlack, 0)
		prctl(setTimerSlack, before)
		child := exec.Command(program, "serve", "--name", "a b")
		child.Args[0] = "slack"
		child.Env = append(os.Environ(), "SAID=yes")
		out, err := child.Output()
		prctl(setTimerSlack, mine)
		runtime.UnlockOSThread()
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(child.Process.Pid, " ", want, " yes [serve --name a b]")
		if got := strings.TrimSpace(string(out)); got != said {
			t.Errorf("with a slack of %d ns before it says %q, want %q", before, got, said)
		}
	}
}
