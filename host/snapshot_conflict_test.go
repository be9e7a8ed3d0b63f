package host_test

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// deposed makes a cluster of three whose former leader, cut off, holds entries that
// nobody else has, to beyond the snapshot that the others' log begins with. The cut
// lasts until meddle is taken away. at is where that snapshot stands.
func deposed(w *world) (former *member, at wire.Pos) {
	w.Helper()
	all := w.cluster(nil, "a", "b", "c")
	former = w.leader()
	former.must("x")
	w.agree()
	w.meddle = lose(func(l letter) bool { return l.from == former || l.to.ID == former.card.ID })
	for range 20 {
		former.propose("nobody else has it")
		w.step()
		w.step()
	}
	leader := w.leader2(others(all, former))
	for range 3 {
		leader.must("y")
	}
	leader.host.TakeSnapshot(func(error) {})
	w.until("the log is compacted", func() bool { return leader.host.Status().LogStart == leader.host.Status().Applied })
	at = leader.host.Status().LogStart
	if last := former.host.Status().Core.Last; last.Index <= at.Index || last.Term >= at.Term {
		w.Fatalf("the former leader's log ends at %s, which does not reach beyond the snapshot at %s", last, at)
	}
	return former, at
}

// startsAlone restarts a member that hears of nobody, and checks that its log begins
// after a snapshot, with nothing in it.
func (w *world) startsAlone(m *member, at wire.Pos) {
	w.Helper()
	m.crash()
	w.meddle = lose(func(l letter) bool { return l.from == m || l.to.ID == m.card.ID })
	m.run()
	if s := m.host.Status(); s.LogStart != at || s.Core.Last != at {
		w.Errorf("after a crash its log begins after %s and ends at %s, want the snapshot at %s and nothing behind it", s.LogStart, s.Core.Last, at)
	}
	w.meddle = nil
	w.run(2 * time.Second) // until it has heard from the leader
	m.must("z")
	w.agree()
}

// Scenario snapshot-conflict: the entry at the snapshot's index is another one, so those
// behind it are others, too.
func TestASnapshotReplacesALogThatContradictsIt(t *testing.T) {
	w := newWorld(t)
	former, at := deposed(w)
	w.meddle = lose(func(l letter) bool { return l.to.ID == former.card.ID && l.Kind == wire.Append && len(l.Spans) > 0 })
	w.until("the snapshot is installed and the log written", func() bool {
		_, installed := former.saw(host.SnapshotInstalled)
		return installed && len(former.tasks) == 0
	})
	w.startsAlone(former, at)
}

// Scenario snapshot-slides: the power goes after the snapshot is durable and before the
// log that contradicts it is gone.
func TestACrashBetweenASnapshotAndItsLogLeavesNoContradiction(t *testing.T) {
	w := newWorld(t)
	former, at := deposed(w)
	w.meddle = nil
	former.hold = func(task *host.Task) bool { return task.Lane == host.ApplyLane }
	w.until("the snapshot is durable", func() bool {
		latest, ok := former.host.Snapshots().Latest()
		return ok && latest.Pos == at
	})
	former.hold = nil
	w.startsAlone(former, at)
}
