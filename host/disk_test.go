package host_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/host"
)

// fillDisk proposes until the disk takes no more, and returns the number of the command
// that waits.
func (m *member) fillDisk() uint64 {
	m.w.Helper()
	for range 1000 {
		seq := m.propose(strings.Repeat("x", 4<<10))
		m.w.run(20 * time.Millisecond)
		if _, full := m.saw(host.DiskFull); full {
			return seq
		}
	}
	m.w.Fatal("the disk never became full")
	return 0
}

// Scenario full-disk: a lone member.
func TestAFullDiskHoldsWritesBackAndNothingElse(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(nil, "a")[0]
	a.must("x")
	a.disk.SetCapacity(512 << 10)
	waits := a.fillDisk()
	e, _ := a.saw(host.DiskFull)
	if !errors.Is(e.Err, fsys.ErrNoSpace) || !errors.Is(a.host.WhyNoLeader(), fsys.ErrNoSpace) {
		t.Errorf("it says %v, and why nothing moves: %v", e.Err, a.host.WhyNoLeader())
	}
	w.run(time.Minute)
	if a.host.Err() != nil || a.machine.answered(waits) {
		t.Fatalf("after a minute on a full disk: stopped because %v, answered %v", a.host.Err(), a.machine.answered(waits))
	}
	a.host.Read(host.ReadRequest{Token: 1, Level: host.Stale, Age: time.Hour})
	w.until("a stale read", func() bool { return a.reads[1] })
	count := 0
	for _, e := range a.events {
		if e.Kind == host.DiskFull {
			count++
		}
	}
	if count > 1 {
		t.Errorf("it said %d times that the disk is full, once is enough", count)
	}
	a.disk.SetCapacity(-1)
	w.until("what waited is answered, without a restart", func() bool { return a.machine.answered(waits) })
	if a.host.WhyNoLeader() != nil {
		t.Errorf("with space again it says %v", a.host.WhyNoLeader())
	}
	before := slices.Clone(w.agree())
	a.crash()
	a.run()
	a.must("y")
	if got := w.agree(); strings.Join(got, "") != strings.Join(append(before, "y"), "") {
		t.Errorf("after a crash there are %d commands, want %d", len(got), len(before)+1)
	}
}

// Scenario full-disk: reads go on where a quorum is left, writes go on there, too.
func TestOneFullDiskDoesNotHoldTheOthersBack(t *testing.T) {
	for _, which := range []string{"leader", "follower"} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		full := w.leader()
		if which == "follower" {
			full = others(all, full)[0]
		}
		full.must("x")
		full.disk.SetCapacity(400 << 10)
		for range 200 {
			w.leader().propose(strings.Repeat("y", 4<<10))
			w.run(50 * time.Millisecond)
		}
		if _, ok := full.saw(host.DiskFull); !ok || full.host.Err() != nil {
			t.Errorf("%s: it said nothing, or stopped: %v", which, full.host.Err())
		}
		rest := others(all, full)
		for _, m := range rest {
			m.must("z")
			m.read()
		}
		full.host.Read(host.ReadRequest{Token: 1, Level: host.Stale, Age: time.Hour}) // newer ones wait: it has no room for what they must see
		w.until("a stale read where the disk is full", func() bool { return full.reads[1] })
		full.disk.SetCapacity(-1)
		full.must("again")
		w.agree()
	}
}

func TestASnapshotThatFindsNoSpaceIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(func(c *host.Config) { c.SnapshotBytes = 8 << 10 }, "a")[0]
	full := a.disk.Inject(fault.Rule{Op: fault.Write, File: "snap-*", Err: fsys.ErrNoSpace})
	for i := range 20 {
		a.must(fmt.Sprint(i, strings.Repeat("x", 1<<10)))
	}
	e, failed := a.saw(host.SnapshotFailed)
	_, told := a.saw(host.DiskFull)
	if !failed || !told || !errors.Is(e.Err, fsys.ErrNoSpace) || a.host.Err() != nil {
		t.Errorf("said that it failed %v because %v, that the disk is full %v; stopped: %v", failed, e.Err, told, a.host.Err())
	}
	full.Remove()
	for i := range 20 {
		a.must(fmt.Sprint(i, strings.Repeat("x", 1<<10)))
	}
	if _, ok := a.saw(host.SnapshotTaken); !ok || a.host.Status().LogStart.Index == 0 {
		t.Errorf("with space again there is no snapshot, the log starts at %s", a.host.Status().LogStart)
	}
}

// Scenario fsyncgate.
func TestAFailedSyncStopsTheMember(t *testing.T) {
	for _, which := range []string{"leader", "follower"} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		broken := w.leader()
		if which == "follower" {
			broken = others(all, broken)[0]
		}
		acknowledged := []string{}
		for i := range 10 {
			broken.must(fmt.Sprint(i))
			acknowledged = append(acknowledged, fmt.Sprint(i))
		}
		rule := broken.disk.Inject(fault.Rule{Op: fault.Sync, Times: 1})
		broken.propose("maybe")
		w.until("it has stopped", func() bool { return broken.host.Err() != nil })
		if err := broken.host.Err(); !errors.Is(err, fault.ErrIO) || !strings.Contains(err.Error(), "write the log") {
			t.Errorf("%s: it stopped because %v", which, err)
		}
		w.run(5 * time.Second)
		if rule.Struck() != 1 || len(broken.tasks) > 0 {
			t.Errorf("%s: after the failure it goes on", which)
		}
		rest := others(all, broken)
		for i, m := range rest {
			m.must(fmt.Sprint("rest", i))
		}
		broken.crash()
		broken.run()
		broken.must("again")
		got := slices.DeleteFunc(slices.Clone(w.agree()), func(s string) bool { return s == "maybe" })
		if want := append(acknowledged, "rest0", "rest1", "again"); !slices.Equal(got, want) {
			t.Errorf("%s: applied was %v, want %v", which, got, want)
		}
	}
}

// Scenario unsynced-ack: with all members losing power at once, at any moment, what was
// acknowledged is there.
func TestWhatWasAcknowledgedSurvivesThePowerOfAll(t *testing.T) {
	for seed := range uint64(15) {
		w := newWorld(t)
		w.seed = seed + 1
		all := w.cluster(func(c *host.Config) { c.SnapshotBytes = 2 << 10 }, "a", "b", "c")
		for round := range 4 {
			asked := map[*member][]uint64{}
			for i := range 30 {
				m := all[i%3]
				asked[m] = append(asked[m], m.propose(fmt.Sprintf("%d.%d.%s", round, i, strings.Repeat("x", 100))))
				for range seed % 5 {
					w.step()
				}
			}
			acknowledged := 0
			for m, numbers := range asked {
				for _, seq := range numbers {
					if place, ok := m.machine.answers[seq]; ok {
						acknowledged = max(acknowledged, atoi(place))
					}
				}
			}
			var applied []string
			for _, m := range all {
				if len(m.machine.Log) > len(applied) {
					applied = m.machine.Log
				}
			}
			for _, m := range all {
				m.crash()
			}
			w.mail = nil
			for _, m := range all {
				m.run()
			}
			w.leader()
			all[0].must("after")
			if got := w.agree(); len(got) < acknowledged || !slices.Equal(got[:acknowledged], applied[:acknowledged]) {
				t.Fatalf("seed %d, round %d: %d commands were acknowledged, %d are left", seed, round, acknowledged, len(got))
			}
		}
	}
}

func atoi(s string) (n int) { fmt.Sscan(s, &n); return n }

// Scenario full-disk: a newcomer waits for room, as any member does.
func TestANewcomerWhoseDiskIsFullWaitsForRoom(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil, "a", "b", "c")
	w.leader().must("x")
	d := w.add("d", func(c *host.Config) { c.Join = []string{"a"} })
	d.run()
	d.disk.SetCapacity(d.disk.Used())
	w.run(20 * time.Second)
	if e, ok := d.saw(host.Waiting); !ok || !errors.Is(e.Err, fsys.ErrNoSpace) || !errors.Is(d.host.WhyNoLeader(), fsys.ErrNoSpace) {
		t.Errorf("with a full disk it says %v and has no leader because %v", e.Err, d.host.WhyNoLeader())
	}
	if d.host.Err() != nil {
		t.Fatalf("it has ended: %v", d.host.Err())
	}
	d.disk.SetCapacity(-1)
	d.must("y")
	if got := strings.Join(w.agree(), ","); got != "x,y" {
		t.Errorf("applied was %s, want x,y", got)
	}
}
