//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// tracer makes the system calls by which a running process syncs its files fail, slow,
// or be its last.
type tracer struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	record string
}

// syncCalls are the system calls by which a process asks for a sync, as package fsys does:
// it waits in fsync and fdatasync, and not in io_submit, whose end it hears of later.
const syncCalls = "fsync,fdatasync,io_submit"

// probeTracer says why no process can be traced here, "" if one can.
func probeTracer() string {
	if _, err := exec.LookPath("strace"); err != nil {
		return "strace is missing (Debian: apt-get install -y strace)"
	}
	if out, err := exec.Command("strace", "-f", "-e", "trace="+syncCalls, "-e", "inject="+syncCalls+":error=EIO", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("strace cannot trace here: %v: %s", err, bytes.TrimSpace(out))
	}
	return ""
}

// attach starts to do to the syncs of a process what strace's inject= says.
func attach(pid int, inject, dir string) (*tracer, error) {
	record := filepath.Join(dir, fmt.Sprintf("strace-%d", pid))
	os.Remove(record)
	t := &tracer{ended: make(chan struct{}), record: record}
	t.cmd = exec.Command("strace", "-f", "-o", record, "-p", fmt.Sprint(pid), "-e", "trace="+syncCalls, "-e", "inject="+syncCalls+":"+inject)
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	go func() {
		t.cmd.Wait()
		close(t.ended)
	}()
	return t, nil
}

// detach lets the process go on untouched. At times strace waits for ever for a thread
// of a process that it has just killed; killing strace itself lets go, too.
func (t *tracer) detach() {
	const patience = 3 * time.Second
	t.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-t.ended:
	case <-time.After(patience):
		t.cmd.Process.Kill()
		<-t.ended
	}
}

// hit says whether it came to a sync.
func (t *tracer) hit() bool {
	b, _ := os.ReadFile(t.record)
	return bytes.Contains(b, []byte("INJECTED")) || bytes.Contains(b, []byte("killed by SIGKILL"))
}
