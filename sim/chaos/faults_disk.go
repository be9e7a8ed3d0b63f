//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

func lacksTracer(*cluster) string { return probeTracer() }

// traced lets something happen to a member's syncs for a while, or until it ends.
func (h *hand) traced(m *member, inject string) (hit bool, err error) {
	t, err := attach(m.cmd.Process.Pid, inject, h.dir)
	if err != nil {
		return false, err
	}
	timer := time.NewTimer(max(h.lasting(), time.Second)) // attaching takes its time, too
	defer timer.Stop()
	select {
	case <-t.ended:
	case <-timer.C:
	case <-h.ctx.Done():
	}
	t.detach()
	return t.hit(), nil
}

// syncKill kills a member when it syncs, which is when a crash is worst.
func syncKill(h *hand) error {
	h.startEnded()
	m := h.victim()
	m.excuse("killed in a sync")
	hit, err := h.traced(m, fmt.Sprintf("signal=SIGKILL:when=%d", 1+h.random.IntN(4)))
	if err != nil {
		return err
	}
	if !hit {
		m.excuse("")
		return errNoOccasion
	}
	<-m.exited
	return m.start(h.program)
}

// syncError fails a member's sync: it must end by itself, since nobody knows any more
// what is on its disk, and recover from what is really there.
func syncError(h *hand) error {
	h.startEnded()
	m := h.victim()
	m.excuse("a sync failed")
	hit, err := h.traced(m, fmt.Sprintf("error=EIO:when=%d", 1+h.random.IntN(4)))
	switch {
	case err != nil:
		return err
	case !hit:
		m.excuse("")
		return errNoOccasion
	case !m.exits(endsWithin):
		h.report.finding(fmt.Sprintf("member %s goes on %s after a sync failed; it said:\n%s", m.name, endsWithin, m.tail()))
		m.kill()
	case m.cmd.ProcessState.ExitCode() != 1:
		h.report.finding(fmt.Sprintf("member %s ended with %s after a sync failed; it said:\n%s", m.name, m.cmd.ProcessState, m.tail()))
	}
	return m.start(h.program)
}

// syncSlow makes each sync of a member take long, as a disk that is about to fail does.
func syncSlow(h *hand) error {
	h.startEnded()
	_, err := h.traced(h.victim(), fmt.Sprintf("delay_enter=%d", 10_000+h.random.IntN(1_000_000)))
	return err
}

func lacksSmallDisk(c *cluster) string {
	if !slices.ContainsFunc(c.all(), func(m *member) bool { return m.disk != "" }) {
		return "no small file system could be mounted: it needs root"
	}
	return ""
}

// fullDisk leaves a member no space for a while. It must not end, and go on by itself.
func fullDisk(h *hand) error {
	h.startEnded()
	on := slices.DeleteFunc(h.all(), func(m *member) bool { return m.disk == "" })
	m := on[h.random.IntN(len(on))]
	if err := fill(m.disk); err != nil {
		return err
	}
	h.wait(h.lasting())
	return empty(m.disk)
}

// destroy does something that costs a copy, once the cluster can bear it: all members
// have all, and the network is quiet until it is done.
func (h *hand) destroy(m *member, how func() error) error {
	h.calm.Lock()
	defer h.calm.Unlock()
	if !h.awaitWhole(h.ctx, h.chapter/2) {
		return errNoOccasion
	}
	m.kill()
	return how()
}

// wipe loses a member's disk: it comes back as a new member under its name.
func wipe(h *hand) error {
	m := h.victim()
	return h.destroy(m, func() error {
		if err := m.wipe(); err != nil {
			return err
		}
		return m.start(h.program)
	})
}

// damaged is why a member may end whose files were damaged.
const damaged = "its files are damaged"

// damageFile flips a bit in a member's files. It may refuse to start, or notice later,
// or never have needed what was damaged; what it may not is to serve it, which the
// histories would show. One that refuses comes back with an empty directory.
func damageFile(h *hand) error {
	const looksFor = 2 * time.Second
	m := h.victim()
	return h.destroy(m, func() error {
		// No log can tell damage to its last flush from a crash in the middle of it
		// (storage/wal), so the others must not need what stands there.
		if !h.awaitRest(h.ctx, h.chapter/2, m) {
			return errors.Join(errNoOccasion, m.start(h.program))
		}
		where, err := damage(m.dir, h.random)
		if err != nil {
			return err
		}
		h.report.detail("  %s: %s", m.name, where)
		if err := m.startExcused(h.program, damaged); err != nil {
			return err
		}
		if !m.exits(looksFor) {
			h.report.outcome("damage: started")
			return nil
		}
		h.report.outcome("damage: refused")
		if code := m.cmd.ProcessState.ExitCode(); code != 1 {
			h.report.finding(fmt.Sprintf("member %s, damaged in %s, ended with %s; it said:\n%s", m.name, where, m.cmd.ProcessState, m.tail()))
		}
		if err := m.wipe(); err != nil {
			return err
		}
		return m.start(h.program)
	})
}
