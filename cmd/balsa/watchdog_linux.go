package main

import (
	"os"
	"runtime"
	"syscall"
)

// Go's runtime has a watchdog (sysmon), a thread that looks at the others each 20 µs until a
// process has been idle, or busy, for a while. A member is neither: it works for a moment, and
// then waits for disks, other members and callers. So its watchdog goes to sleep and is woken
// by a timer all the time, at a fifth of the member's processor time and more.
//
// The kernel lets a thread's sleep last a little longer than was asked for, 50 µs unless
// somebody says otherwise (PR_SET_TIMERSLACK in prctl(2)). How much longer is the thread's own;
// a new one has it of the one that began it, and who execs keeps it. The watchdog is there
// before any code of a program's, and only so is it reached.

const (
	getTimerSlack = 30 // PR_GET_TIMERSLACK
	setTimerSlack = 29 // PR_SET_TIMERSLACK
	usualSlack    = 50_000
	// restedSlack is by how many nanoseconds timers may be late, the watchdog's among them. So
	// long may a system call that blocks keep a processor from others; those of the log do not
	// block (fsys). A member's timers are of many milliseconds.
	restedSlack = 1_000_000
)

// restWatchdog begins this program anew with a watchdog that wakes less often. It comes first
// in a program, where there is nothing to be lost. It does nothing if the slack is not the
// usual one: then this is the program that was begun anew, or somebody has chosen, such as
// systemd by TimerSlackNSec. Where the system refuses, the program goes on as it is.
func restWatchdog() {
	runtime.LockOSThread() // the slack is this thread's, which execs
	defer runtime.UnlockOSThread()
	program, err := os.Executable()
	if err != nil || prctl(getTimerSlack, 0) != usualSlack {
		return
	}
	prctl(setTimerSlack, restedSlack)
	_ = syscall.Exec(program, os.Args, os.Environ()) // it returns where it is refused
	prctl(setTimerSlack, usualSlack)
}

// prctl is the system call of that name, with what it returns; a refusal is no slack that
// anybody asks for.
func prctl(option, value uintptr) uintptr {
	result, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, option, value, 0)
	return result
}
