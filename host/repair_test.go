package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/host"
)

// rot damages the first entry of a member's log, which is down.
func (m *member) rot() {
	m.w.Helper()
	names, err := m.disk.List()
	if err != nil {
		m.w.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "wal-") {
			const inFirstRecord = 96 + 40 // a segment's header has 96 bytes
			if err := m.disk.FlipBit(name, 8*inFirstRecord); err != nil {
				m.w.Fatal(err)
			}
			return
		}
	}
	m.w.Fatalf("there is no log among %v", names)
}

// damaged makes a cluster of three, one of which is down with a damaged log.
func damaged(w *world) (all []*member, victim *member) {
	all = w.cluster(nil, "a", "b", "c")
	victim = others(all, w.leader())[0]
	for i := range 10 {
		victim.must(fmt.Sprint(i))
	}
	victim.crash()
	victim.rot()
	return all, victim
}

// repaired checks that a member is one of three again, under a new identity, and has
// everything.
func (w *world) repaired(m *member, all []*member) {
	w.Helper()
	w.leader()
	m.must("back")
	if got := w.agree(); len(got) != 11 {
		w.Fatalf("%d commands were applied, want 11: %v", len(got), got)
	}
	w.until("there are three members", func() bool {
		now := all[0].host.Status().Membership
		_, in := now.Find(m.card.ID)
		return in && len(now.Members) == 3 && !now.Joint()
	})
}

// Scenario rot-in-the-middle: the power goes at each operation on the disk of a damaged
// member that is taken in again.
func TestACrashInRepairIsOvercome(t *testing.T) {
	crashes := 0
	for n := 0; ; n++ {
		w := newWorld(t)
		w.seed = uint64(n + 1)
		all, victim := damaged(w)
		was := victim.card.ID
		victim.disk.StopAfter(n)
		err := victim.open()
		for err == nil && victim.host.Err() == nil && victim.host.Status().Applied.Index < 5 {
			w.step()
		}
		if err == nil && victim.host.Err() == nil {
			victim.disk.StopAfter(-1)
			w.repaired(victim, all)
			if victim.card.ID == was {
				t.Errorf("it takes part as who it was, member %s", was)
			}
			break
		}
		crashes++
		victim.crash()
		w.run(5 * time.Second)
		victim.run()
		w.repaired(victim, all)
		victim.crash()
		victim.run()
		w.leader()
		victim.read()
	}
	if crashes < 5 {
		t.Errorf("it crashed only at %d operations", crashes)
	}
}

// The damaged files may be the only copy: without a majority of others they stay as they
// are, and the member says why it waits.
func TestADamagedMemberTouchesNothingWhileTheOthersCannotTakeItIn(t *testing.T) {
	w := newWorld(t)
	all, victim := damaged(w)
	other := others(all, victim)[0]
	other.crash()
	var changes fault.Trace
	victim.disk.Watch(func(o fault.Operation) {
		if o.Op <= fault.Sync && o.Op != fault.SyncDir { // which changes nothing of what is there
			changes.Add(o)
		}
	})
	victim.run()
	w.run(time.Minute)
	e, told := victim.saw(host.Damaged)
	if !told || !errors.Is(e.Err, fsys.ErrDamaged) || victim.host.Err() != nil {
		t.Errorf("it says %v, and has stopped because %v", e.Err, victim.host.Err())
	}
	if why := victim.host.WhyNoLeader(); !errors.Is(why, host.ErrNoLeader) {
		t.Errorf("it waits because %v", why)
	}
	if changes.String() != "" {
		t.Errorf("it has changed its directory:\n%s", &changes)
	}
	victim.disk.Watch(nil)
	other.run()
	w.repaired(victim, all)
}
