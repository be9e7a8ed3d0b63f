package host_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
)

// restarted crashes a member that has taken a snapshot of several blocks, and starts it with
// a state that has a disk of its own, which holds all that was applied.
func restarted(w *world, damage func(m *member, snapshot string)) *member {
	w.Helper()
	return restartedWith(w, true, damage)
}

func restartedWith(w *world, durable bool, damage func(m *member, snapshot string)) *member {
	w.Helper()
	m := w.cluster(nil, "a")[0]
	m.must("x")
	m.machine.Padding = strings.Repeat("p", 400<<10)
	m.host.TakeSnapshot(func(error) {})
	w.until("a snapshot is taken", func() bool { return m.host.Status().Snapshot.Index > 0 })
	held := m.host.Status().Applied.Index
	m.crash()
	names, err := m.disk.List()
	if err != nil {
		w.Fatal(err)
	}
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, "snap-") })
	if damage != nil {
		damage(m, names[i])
	}
	m.tune = func(c *host.Config) { c.Machine.(*machine).durable, c.Machine.(*machine).held = durable, held }
	m.run()
	return m
}

// sectorOfLastBlocks lies behind all that such a start reads.
const sectorOfLastBlocks = 500

// Scenario rot-in-snapshot: a state with a disk of its own needs no more of a snapshot than
// the sessions, so that a start does not read the rest, and damage there stops nobody. It is
// looked for soon after, and the snapshot replaced.
func TestDamageThatAStartHasNoNeedToReadIsFoundAndMended(t *testing.T) {
	w := newWorld(t)
	m := restarted(w, func(m *member, snapshot string) {
		if err := m.disk.ZeroSector(snapshot, sectorOfLastBlocks); err != nil {
			t.Fatal(err)
		}
	})
	damaged := m.host.Status().Applied
	if damaged.Index == 0 || len(m.host.Snapshots().Damaged()) > 0 {
		t.Fatalf("it has started at %s and found %v: it was to start from the snapshot, without reading it all", damaged, m.host.Snapshots().Damaged())
	}
	w.until("another is taken", func() bool { _, ok := m.saw(host.SnapshotTaken); return ok })
	r, err := m.host.Snapshots().Open(m.host.Status().Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil || r.Meta().Pos.Index < damaged.Index {
		t.Errorf("the newest snapshot is of %s, %v; that of %s is damaged", r.Meta().Pos, err, damaged)
	}
	if got := m.must("y"); got != "2" {
		t.Errorf("the command after x was number %s", got)
	}
}

// Scenario rot-in-snapshot: the log still holds all that a damaged snapshot stands for, and
// is applied to a state of which that snapshot has left no trace. What it says of sessions
// would make commands that are replayed look like repeats, which are not run.
func TestNothingOfADamagedSnapshotIsLeftWhereTheLogIsReplayed(t *testing.T) {
	w := newWorld(t)
	m := restartedWith(w, false, func(m *member, snapshot string) {
		if err := m.disk.ZeroSector(snapshot, sectorOfLastBlocks); err != nil {
			t.Fatal(err)
		}
	})
	w.until("it leads", func() bool { return m.host.Leading() })
	if got := m.must("y"); got != "2" {
		t.Errorf("the command after x was number %s", got)
	}
}

// Scenario rot-in-snapshot: a state machine that could not restore a snapshot may hold a
// part of it, so that the log is not applied to that, though all of it is there.
func TestTheLogIsNotReplayedIntoWhatAFailedRestoreHasLeft(t *testing.T) {
	w := newWorld(t)
	m := restartedWith(w, false, nil)
	m.crash()
	failure := errors.New("of a format that this program does not know")
	m.tune = func(c *host.Config) { c.Machine.(*machine).fails = failure }
	if err := m.open(); !errors.Is(err, failure) {
		t.Errorf("it starts with %q in its state: %v", m.machine.Log, err)
	}
}

// The rest of the snapshot is read once the member has nothing better to do: a leader is
// known, and the state is as new as before the start. Then it is known to be whole, and
// stays.
func TestWhatAStartHasLeftUnreadIsReadOnce(t *testing.T) {
	w := newWorld(t)
	m := restarted(w, nil)
	before := m.host.Snapshots().All()
	runs := 0
	m.hold = func(task *host.Task) bool {
		if task.Lane != host.VerifyLane {
			return false
		}
		runs++
		if s := m.host.Status(); s.Core.Leader == 0 || s.Applied.Index < m.machine.held {
			t.Errorf("it is read while the leader is %d and the state at %s, and was at entry %d before", s.Core.Leader, s.Applied, m.machine.held)
		}
		return false
	}
	w.run(time.Minute)
	if after := m.host.Snapshots().All(); runs != 1 || len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("it was read %d times; there were %v, and now are %v", runs, before, after)
	}
	if _, again := m.saw(host.SnapshotTaken); again {
		t.Error("a snapshot was taken in place of one that is whole")
	}
}
