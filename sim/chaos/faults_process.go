//go:build linux

package main

import (
	"fmt"
	"syscall"
	"time"
)

// processFaults happen to processes and their disks.
var processFaults = []fault{
	{"kill", 6, nil, func(h *hand) error { return h.killed([]*member{h.victim()}) }},
	{"kill-majority", 2, nil, func(h *hand) error { return h.killed(h.some(len(h.all())/2 + 1)) }},
	{"kill-all", 2, nil, func(h *hand) error { return h.killed(h.all()) }},
	{"pause", 6, nil, func(h *hand) error { return h.paused([]*member{h.victim()}) }},
	{"pause-majority", 2, nil, func(h *hand) error { return h.paused(h.some(len(h.all())/2 + 1)) }},
	{"rolling-restart", 1, nil, rollingRestart},
	{"join", 2, nil, join},
	{"sync-kill", 3, lacksTracer, syncKill},
	{"sync-error", 3, lacksTracer, syncError},
	{"sync-slow", 3, lacksTracer, syncSlow},
	{"full-disk", 3, lacksSmallDisk, fullDisk},
	{"wipe", 2, nil, wipe},
	{"damage", 2, nil, damageFile},
}

// endsWithin is by when a process must end that was told to, or that must not go on.
const endsWithin = 30 * time.Second

// killed kills members at once and starts them again, one after the other.
func (h *hand) killed(victims []*member) error {
	h.startEnded()
	for _, m := range victims {
		m.excuse("killed")
		m.signal(syscall.SIGKILL)
	}
	for _, m := range victims {
		<-m.exited
	}
	h.wait(h.lasting())
	for _, m := range victims {
		if err := m.start(h.program); err != nil {
			return err
		}
		h.wait(time.Duration(h.random.IntN(100)) * time.Millisecond)
	}
	return nil
}

func (h *hand) paused(victims []*member) error {
	h.startEnded()
	for _, m := range victims {
		m.signal(syscall.SIGSTOP)
	}
	h.wait(h.lasting())
	for _, m := range victims {
		m.signal(syscall.SIGCONT)
		h.wait(time.Duration(h.random.IntN(20)) * time.Millisecond)
	}
	return nil
}

// rollingRestart asks each member in turn to end, as an upgrade does.
func rollingRestart(h *hand) error {
	h.startEnded()
	for _, m := range h.all() {
		m.excuse("told to end")
		m.signal(syscall.SIGTERM)
		if !m.exits(endsWithin) {
			h.report.finding(fmt.Sprintf("member %s was told to end and did not within %s; it said:\n%s", m.name, endsWithin, m.tail()))
			m.kill()
		} else if code := m.cmd.ProcessState.ExitCode(); code != 0 {
			h.report.finding(fmt.Sprintf("member %s was told to end and ended with %s; it said:\n%s", m.name, m.cmd.ProcessState, m.tail()))
		}
		if err := m.start(h.program); err != nil {
			return err
		}
		h.wait(h.lasting())
	}
	return nil
}

// join adds a member that was not there. Nobody is removed by a fault: balsa has no
// command for it; but who was wiped takes the place of its earlier identity.
func join(h *hand) error {
	all := h.all()
	n := len(all) - len(founders)
	if n >= len(later) {
		return errNoOccasion
	}
	name := later[n]
	_, err := h.add(name, "--join", all[0].advertise+","+all[1].advertise)
	return err
}
