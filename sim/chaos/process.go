//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// place is where a member lives in the network.
type place struct {
	listen    string // its socket for other members
	advertise string // where they reach it
	http      string
	redis     string
	enter     []string // command that a process of this member is started through
}

// member is one balsa serve process after the other, on one directory. Its process is
// started, stopped and ended by one goroutine, that of the process faults; the others
// only look.
type member struct {
	place
	name  string
	dir   string // of its files
	disk  string // its own small file system, "" if it has none
	log   string // file with all that its processes said
	flags []string
	note  func(finding string)

	mu      sync.Mutex
	excused string // why its process may end by itself
	ended   bool   // the process that was started last has ended

	cmd    *exec.Cmd
	exited chan struct{}
}

// start starts a process, which may end at any time: see running.
func (m *member) start(program string) error { return m.startExcused(program, "") }

// startExcused starts a process that may end by itself for a reason.
func (m *member) startExcused(program, excuse string) error {
	out, err := os.OpenFile(m.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	fmt.Fprintf(out, "--- %s starts %s\n", time.Now().UTC().Format("15:04:05.000"), m.name)
	line := append(append([]string{}, m.enter...), program, "serve", "--name", m.name, "--dir", m.dir,
		"--listen", m.listen, "--advertise", m.advertise, "--http", m.http, "--redis", m.redis)
	cmd := exec.Command(line[0], append(line[1:], m.flags...)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start member %s: %w", m.name, err)
	}
	exited := make(chan struct{})
	m.mu.Lock()
	m.excused, m.ended = excuse, false
	m.mu.Unlock()
	m.cmd, m.exited = cmd, exited
	go func() {
		cmd.Wait()
		m.mu.Lock()
		m.ended = true
		excused := m.excused
		m.mu.Unlock()
		if excused == "" {
			m.note(fmt.Sprintf("member %s ended by itself (%s); it said:\n%s", m.name, cmd.ProcessState, m.tail()))
		}
		close(exited)
	}()
	return nil
}

// excuse says why the process may end from now on.
func (m *member) excuse(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.excused = why
}

func (m *member) excuseGiven() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.excused
}

func (m *member) running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd != nil && !m.ended
}

// kill ends the process without its knowing, and waits until it has gone.
func (m *member) kill() {
	m.excuse("killed")
	m.cmd.Process.Kill()
	<-m.exited
}

func (m *member) signal(s syscall.Signal) { m.cmd.Process.Signal(s) }

// exits says whether the process ends within a time.
func (m *member) exits(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-m.exited:
		return true
	case <-timer.C:
		return false
	}
}

// tail is what the member said last.
func (m *member) tail() string {
	const enough = 4000
	b, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	if len(b) > enough {
		b = b[len(b)-enough:]
	}
	return string(b)
}

// wipe removes the member's files as a new disk would.
func (m *member) wipe() error {
	names, err := filepath.Glob(filepath.Join(m.dir, "*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}
