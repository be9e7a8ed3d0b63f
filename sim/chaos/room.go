//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// A room is where a run does its mischief: namespaces for processes, mounts and the
// network, which need root. Whatever happens to the run, the system then ends its
// processes, unmounts its disks and takes its network down with it, and no port of it
// meets another program's. Without root a run shares the machine and cleans up itself.

// roomMark is the environment variable by which the program knows that it is inside.
const roomMark = "BALSA_CHAOS_ROOM"

func inRoom() bool { return os.Getenv(roomMark) != "" }

// isolated says whether the room has walls.
func isolated() bool { return os.Getenv(roomMark) == "own" }

// enterRoom runs this program again, inside, and returns its exit code.
func enterRoom(o options) (int, error) {
	// The inner process is to die with this thread.
	runtime.LockOSThread()
	mark, flags := "shared", uintptr(0)
	if os.Getuid() == 0 {
		mark, flags = "own", syscall.CLONE_NEWNS|syscall.CLONE_NEWPID|syscall.CLONE_NEWNET
	}
	signal.Ignore(os.Interrupt) // the inner process gets it, too, and ends the run
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}
	inner := func(mark string, flags uintptr) (int, error) {
		cmd := exec.Command(self, o.args()...)
		cmd.Env = append(os.Environ(), roomMark+"="+mark)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return 0, err
		}
		return cmd.ProcessState.ExitCode(), nil
	}
	code, err := inner(mark, flags)
	if err != nil && flags != 0 {
		fmt.Printf("no namespaces here (%v): going on without\n", err)
		code, err = inner("shared", 0)
	}
	if err != nil {
		return 0, fmt.Errorf("start the inner process: %w", err)
	}
	return code, nil
}

// furnish makes a room with walls usable: mounts stay inside, /proc shows its
// processes, and the loopback network is up.
func furnish() error {
	if !isolated() {
		return nil
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return tool("ip", "link", "set", "lo", "up")
}

// tool runs a command of the system.
func tool(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, out)
	}
	return nil
}
