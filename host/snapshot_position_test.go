package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

func onLane(lane host.Lane) func(*host.Task) bool {
	return func(task *host.Task) bool { return task.Lane == lane }
}

// Scenario snapshot-membership: a membership that is in the log behind a snapshot's
// position may yet be truncated, and is no part of it.
func TestASnapshotHoldsTheMembershipOfItsPosition(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	leader.must("x")
	w.agree()
	before := leader.host.Status()
	w.meddle = lose(func(l letter) bool { return l.from == leader || l.to.ID == leader.card.ID })
	leader.host.Control(1, remove(others(all, leader)[0]))
	w.step()
	if now := leader.host.Status(); now.Membership.Equal(before.Membership) || now.Applied != before.Applied {
		t.Fatalf("members are %s, applied is %s: the change is not in the log alone", now.Membership, now.Applied)
	}
	leader.host.TakeSnapshot(func(error) {})
	w.until("a snapshot is taken", func() bool { _, ok := leader.saw(host.SnapshotTaken); return ok })
	if latest, _ := leader.host.Snapshots().Latest(); latest.Pos != before.Applied || !latest.Membership.Equal(before.Membership) {
		t.Errorf("the snapshot at %s has the members %s, want %s as at %s", latest.Pos, latest.Membership, before.Membership, before.Applied)
	}
}

// Scenario inconsistent-apply: a snapshot of the leader that is durable and not the
// state yet frees nothing of the log that is still to be applied.
func TestTheLogIsNotCompactedBeyondTheState(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	w.agree()
	m.hold = onLane(host.SnapshotLane)
	m.host.TakeSnapshot(func(error) {})
	w.until("its own snapshot is being written", func() bool { return slices.ContainsFunc(m.tasks, m.hold) })
	own := m.host.Status().Applied

	w.meddle = lose(func(l letter) bool { return l.to.ID == m.card.ID && l.Kind == wire.Append && len(l.Spans) > 0 })
	leader.must("y")
	leader.must("z")
	leader.host.TakeSnapshot(func(error) {})
	m.hold = func(task *host.Task) bool { return task.Lane == host.SnapshotLane || task.Lane == host.ApplyLane }
	w.until("the leader's is durable, and about to be the state", func() bool {
		latest, ok := m.host.Snapshots().Latest()
		return ok && latest.Pos.Index > own.Index && slices.ContainsFunc(m.tasks, onLane(host.ApplyLane))
	})

	m.hold = onLane(host.ApplyLane)
	w.run(5 * time.Second)
	if s := m.host.Status(); slices.ContainsFunc(m.tasks, onLane(host.SnapshotLane)) || s.LogStart.Index > own.Index || s.Applied != own {
		t.Errorf("the log begins after %s, the state is at %s", s.LogStart, s.Applied)
	}
	w.meddle, m.hold = nil, nil
	m.must("after")
	w.agree()
}
