package host_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

func snapshotEach(bytes int64) func(*host.Config) {
	return func(c *host.Config) { c.SnapshotBytes = bytes }
}

func TestASnapshotIsTakenWhenTheLogHasOutgrownItsBound(t *testing.T) {
	for keep := 1; keep <= 3; keep++ {
		w := newWorld(t)
		a := w.cluster(func(c *host.Config) { c.SnapshotBytes, c.KeepSnapshots = 4<<10, keep }, "a")[0]
		for i := range 100 {
			a.must(fmt.Sprint(i, strings.Repeat("x", 500)))
			if kept := len(a.host.Snapshots().All()); kept < keep && a.host.Status().LogStart.Index > 0 {
				t.Fatalf("with %d of %d snapshots the log was compacted", kept, keep)
			}
		}
		var taken []wire.Index
		for _, e := range a.events {
			if e.Kind == host.SnapshotTaken {
				taken = append(taken, e.Index)
			}
		}
		if len(taken) < 3 || len(taken) > 6 {
			t.Errorf("50 KiB of log, all of which is state, make %d snapshots, want about one each time that it has doubled from 4 KiB on", len(taken))
		}
		s := a.host.Status()
		if s.Snapshot.Index != taken[len(taken)-1] || s.LogStart.Index != taken[len(taken)-keep] || len(a.host.Snapshots().All()) != keep {
			t.Errorf("of %d that are kept: %d are there, the newest is %s, the log starts at %s, taken were %v", keep, len(a.host.Snapshots().All()), s.Snapshot, s.LogStart, taken)
		}
		before := w.agree()
		a.crash()
		a.run()
		if got := a.host.Status().Applied; got != s.Snapshot {
			t.Errorf("a restart begins at %s, want the snapshot at %s", got, s.Snapshot)
		}
		w.until("it leads", a.host.Leading)
		w.until("all is applied again", func() bool { return len(a.machine.Log) == len(before) })
		a.must("y")
	}
}

// Else a large state would be written again for every few changes of it. It must hold
// after a restart, too, and for who was sent the state.
func TestSnapshotsWriteNoMoreThanTheLog(t *testing.T) {
	w := newWorld(t)
	members := w.cluster(snapshotEach(1<<10), "a", "b", "c")
	a := w.leader()
	for i := range 200 {
		a.must(fmt.Sprint(i, strings.Repeat("x", 500)))
	}
	w.agree()
	for _, m := range members {
		m.host.TakeSnapshot(func(error) {})
	}
	w.until("all have taken one", func() bool {
		return !slices.ContainsFunc(members, func(m *member) bool { return m.host.Status().Snapshot != m.host.Status().Applied })
	})
	late := w.add("d", func(c *host.Config) { c.SnapshotBytes, c.Join = 1<<10, []string{a.name} })
	late.run()
	members[1].crash()
	members[1].run()
	members = append(members, late)
	w.until("all have all", func() bool {
		return !slices.ContainsFunc(members, func(m *member) bool { return len(m.machine.Log) < 200 })
	})
	if _, sent := late.saw(host.SnapshotInstalled); !sent {
		t.Fatal("who came last was sent no snapshot")
	}
	for _, m := range members {
		m.events = nil
	}
	for i := range 60 {
		w.leader().must(fmt.Sprint(i, strings.Repeat("y", 500)))
	}
	for _, m := range members {
		taken := 0
		for _, e := range m.events {
			if e.Kind == host.SnapshotTaken {
				taken++
			}
		}
		if taken > 0 {
			t.Errorf("%s: 30 KiB of log made %d snapshots of 100 KiB", m.name, taken)
		}
	}
}

func TestASnapshotIsTakenOnDemand(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(nil, "a")[0]
	a.must("x")
	var told []error
	ask := func() {
		a.host.TakeSnapshot(func(err error) { told = append(told, err) })
	}
	ask()
	ask()
	w.until("both are told", func() bool { return len(told) == 2 })
	if a.host.Status().Snapshot != a.host.Status().Applied || errors.Join(told...) != nil {
		t.Errorf("the snapshot is at %s, the state at %s, %v", a.host.Status().Snapshot, a.host.Status().Applied, told)
	}
	ask()
	w.until("nothing is new: told at once", func() bool { return len(told) == 3 })
	taken := 0
	for _, e := range a.events {
		if e.Kind == host.SnapshotTaken {
			taken++
		}
	}
	if taken != 1 || told[2] != nil {
		t.Errorf("%d snapshots were taken, want 1; %v", taken, told[2])
	}
}

// What is written beside a snapshot that is being written is not in it, and not lost.
func TestProposalsGoOnWhileASnapshotIsWritten(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(nil, "a")[0]
	a.must("x")
	held := true
	a.hold = func(task *host.Task) bool { return held && task.Lane == host.SnapshotLane }
	done := false
	a.host.TakeSnapshot(func(error) { done = true })
	at := a.host.Status().Applied
	for range 20 {
		a.must("y")
	}
	held = false
	w.until("it is written", func() bool { return done })
	if got := a.host.Status().Snapshot; got != at {
		t.Errorf("the snapshot is at %s, it was begun at %s", got, at)
	}
	a.crash()
	a.run()
	w.until("it leads", a.host.Leading)
	if a.must("z") != "22" {
		t.Errorf("after a restart %d commands are there, want 22", len(a.machine.Log))
	}
}

// lagging makes a cluster of three whose member c was down while the log was
// compacted, and whose snapshot takes some pieces to send.
func lagging(w *world) (leader, lags *member) {
	w.Helper()
	all := w.cluster(snapshotEach(1<<20), "a", "b", "c")
	lags = others(all, w.leader())[0]
	lags.must("x")
	lags.crash()
	leader = w.leader2(others(all, lags))
	for _, m := range others(all, lags) {
		m.machine.Padding = strings.Repeat("p", w.padding)
	}
	for range 10 {
		leader.must(strings.Repeat("y", 200))
	}
	for _, m := range others(all, lags) {
		m.host.TakeSnapshot(func(error) {})
	}
	w.until("the log is compacted", func() bool { return leader.host.Status().LogStart.Index > 5 })
	return leader, lags
}

// leader2 waits for a leader among some.
func (w *world) leader2(of []*member) (found *member) {
	w.Helper()
	w.until("one of them leads", func() bool {
		for _, m := range of {
			if m.host.Leading() {
				found = m
			}
		}
		return found != nil
	})
	return found
}

// caughtUp waits until a member has installed a snapshot, and checks what it has.
func (w *world) caughtUp(m *member) {
	w.Helper()
	w.until("the snapshot is installed", func() bool { _, ok := m.saw(host.SnapshotInstalled); return ok })
	w.agree()
	if len(m.machine.Padding) != w.padding {
		w.Fatalf("%s has a state with a padding of %d bytes", m.name, len(m.machine.Padding))
	}
	m.must("after")
	m.crash()
	m.run()
	m.read()
	if got := len(w.agree()); got != 12 {
		w.Fatalf("after a crash %s has %d commands, want 12", m.name, got)
	}
}

func TestASnapshotArrivesWhateverHappensToItsPieces(t *testing.T) {
	isPiece := func(l letter) bool { return l.Kind == wire.SnapshotChunk || l.Kind == wire.SnapshotReply }
	for _, tc := range []struct {
		name   string
		meddle func() func(letter) []letter
	}{
		{"nothing", func() func(letter) []letter { return func(l letter) []letter { return []letter{l} } }},
		{"many are lost", func() func(letter) []letter {
			chance := rand.New(rand.NewPCG(1, 1))
			return func(l letter) []letter {
				if chance.IntN(3) == 0 {
					return nil
				}
				return []letter{l}
			}
		}},
		{"each comes twice", func() func(letter) []letter { return func(l letter) []letter { return []letter{l, l} } }},
		{"each comes after the next", func() func(letter) []letter {
			var late []letter
			return func(l letter) []letter {
				if len(late) == 0 {
					late = []letter{l}
					return nil
				}
				both := []letter{l, late[0]}
				late = nil
				return both
			}
		}},
		{"all come again at the end", func() func(letter) []letter {
			var all []letter
			again := false
			return func(l letter) []letter {
				if all = append(all, l); l.Kind == wire.SnapshotChunk && l.Done && !again {
					again = true
					return all
				}
				return []letter{l}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			leader, lags := lagging(w)
			meddle := tc.meddle()
			w.meddle = func(l letter) []letter {
				if isPiece(l) {
					return meddle(l)
				}
				return []letter{l}
			}
			lags.run()
			w.caughtUp(lags)
			if _, ok := leader.saw(host.SnapshotSending); !ok {
				t.Error("the leader does not say that it sends one")
			}
		})
	}
}

// A transfer that is cut off goes on where it was, on either side of a crash.
func TestACutOffSnapshotGoesOnWhereItWas(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := newWorld(t)
		_, lags := lagging(w)
		cut, total := false, 0
		var after []wire.Index
		w.meddle = func(l letter) []letter {
			if l.Kind != wire.SnapshotChunk || len(l.Data) == 0 {
				return []letter{l}
			}
			if total += len(l.Data); total > 3<<19 && len(after) == 0 {
				cut = true
			}
			if !cut {
				return []letter{l}
			}
			after = append(after, l.Index)
			return nil
		}
		lags.run()
		w.until("half of it is there", func() bool { return cut })
		w.run(10 * time.Second)
		if crash {
			lags.crash()
			lags.run()
			w.run(time.Second)
		}
		cut, after = false, nil
		begins := wire.Index(0)
		w.meddle = func(l letter) []letter {
			if l.Kind == wire.SnapshotChunk && len(l.Data) > 0 && begins == 0 {
				begins = l.Index
			}
			return []letter{l}
		}
		w.caughtUp(lags)
		// What was not synced before a crash may be gone.
		if begins == 0 || !crash && begins < 1<<20 {
			t.Errorf("crash %v: it went on at %d, want beyond the first MiB, or what a crash left of it", crash, begins)
		}
	}
}

// The power goes at each operation on the disk of who receives a snapshot and makes it
// its state: it catches up all the same.
func TestACrashInReceivingASnapshotLosesNothing(t *testing.T) {
	crashes := 0
	for n := 0; ; n++ {
		w := newWorld(t)
		w.seed, w.padding = uint64(n+1), 300<<10
		_, lags := lagging(w)
		lags.run()
		lags.disk.StopAfter(n)
		installed, enough := false, w.now+3*time.Second // a disk that fails in receiving stops nobody
		w.until("it has stopped or caught up", func() bool {
			_, installed = lags.saw(host.SnapshotInstalled)
			return installed && len(lags.tasks) == 0 || lags.host.Err() != nil || w.now > enough
		})
		if lags.host.Err() == nil && installed {
			break
		}
		crashes++
		lags.crash()
		lags.run()
		w.hasAll(lags)
	}
	if crashes < 10 {
		t.Errorf("it crashed only at %d operations", crashes)
	}
}

// hasAll waits until a member that lagged has all of the commands there are.
func (w *world) hasAll(m *member) {
	w.Helper()
	m.read()
	m.must("after")
	if got := len(w.agree()); got != 12 {
		w.Fatalf("%s has %d commands, want 12", m.name, got)
	}
}

// Scenario rot-in-snapshot: a leader whose only snapshot is damaged sends none of it, and
// takes another for the member that needs one.
func TestALeaderWhoseSnapshotIsDamagedTakesAnother(t *testing.T) {
	w := newWorld(t)
	leader, lags := lagging(w)
	damaged := leader.host.Status().Snapshot
	names, err := leader.disk.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "snap-") {
			if err := leader.disk.ZeroSector(name, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	lags.run()
	w.until("one is installed", func() bool { _, ok := lags.saw(host.SnapshotInstalled); return ok })
	taken := 0
	for _, e := range leader.events {
		if e.Kind == host.SnapshotTaken {
			taken++
		}
	}
	if e, _ := lags.saw(host.SnapshotInstalled); e.Index < damaged.Index || taken != 2 {
		t.Errorf("the snapshot at %d was installed, the one at %s was damaged; the leader took %d", e.Index, damaged, taken)
	}
	w.caughtUp(lags)
}

// Scenario full-disk: a member without room for a snapshot says so, and is not sent it
// again and again.
func TestAMemberWithoutRoomForASnapshotIsLeftInPeace(t *testing.T) {
	w := newWorld(t)
	_, lags := lagging(w)
	transfers := map[uint64]bool{}
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.SnapshotChunk {
			transfers[l.Round] = true
		}
		return []letter{l}
	}
	lags.run()
	lags.disk.SetCapacity(lags.disk.Used() + 100<<10)
	w.run(time.Minute)
	if n := len(transfers); n < 2 || n > 10 {
		t.Errorf("%d transfers were begun in a minute", n)
	}
	if _, ok := lags.saw(host.DiskFull); !ok {
		t.Error("it does not say that its disk is full")
	}
	lags.disk.SetCapacity(-1)
	w.caughtUp(lags)
}

// A transfer is not given up as long as it gets on, however slowly; one that stands
// still for a minute is, and another begins.
func TestASnapshotIsGivenUpOnlyWithoutProgress(t *testing.T) {
	w := newWorld(t)
	leader, lags := lagging(w)
	let := 0
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.SnapshotChunk && len(l.Data) > 0 {
			if let == 0 {
				return nil
			}
			let--
		}
		return []letter{l}
	}
	sendings := func() (n int) {
		for _, e := range leader.events {
			if e.Kind == host.SnapshotSending {
				n++
			}
		}
		return n
	}
	lags.run()
	w.until("it begins", func() bool { return sendings() == 1 })
	for range 8 {
		w.run(40 * time.Second)
		let = 1
	}
	if got := sendings(); got != 1 {
		t.Errorf("with a piece every 40 s, %d transfers were begun, want 1", got)
	}
	w.run(70 * time.Second)
	if got := sendings(); got != 2 {
		t.Errorf("after standing still for more than a minute %d transfers were begun, want a second", got)
	}
	w.meddle = nil
	w.caughtUp(lags)
}

// Scenario snapshot-loop: the log that a member needs right after its snapshot is not
// compacted meanwhile.
func TestTheLogAfterASnapshotUnderWayIsKept(t *testing.T) {
	w := newWorld(t)
	leader, lags := lagging(w)
	slow := true
	w.meddle = func(l letter) []letter {
		if slow && l.Kind == wire.SnapshotReply {
			return nil
		}
		return []letter{l}
	}
	lags.run()
	w.until("it begins", func() bool { _, ok := leader.saw(host.SnapshotSending); return ok })
	sent := leader.host.Status().Snapshot
	for range 5 {
		leader.must("more")
		leader.host.TakeSnapshot(func(error) {})
		w.run(time.Second)
	}
	if start := leader.host.Status().LogStart; start.Index > sent.Index || leader.host.Status().Snapshot == sent {
		t.Errorf("the snapshot under way is at %s, the log starts at %s, the newest snapshot is at %s", sent, start, leader.host.Status().Snapshot)
	}
	slow = false
	w.until("it is installed", func() bool { _, ok := lags.saw(host.SnapshotInstalled); return ok })
	w.agree()
	if e, _ := lags.saw(host.SnapshotInstalled); e.Index != sent.Index {
		t.Errorf("installed is %d, sent was %s", e.Index, sent)
	}
	w.until("the log is compacted afterwards", func() bool { return leader.host.Status().LogStart.Index > sent.Index })
}

// The leader sees from the log of the member that the snapshot is there, and holds its own
// log up no longer, even if no answer to a piece says so.
func TestATransferEndsWhenTheLogHasOvertakenIt(t *testing.T) {
	w := newWorld(t)
	leader, lags := lagging(w)
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.SnapshotReply && l.Done {
			return nil
		}
		return []letter{l}
	}
	lags.run()
	w.until("it is installed", func() bool { _, ok := lags.saw(host.SnapshotInstalled); return ok })
	sent := leader.host.Status().LogStart
	w.caughtUp(lags)
	leader.must("more")
	leader.host.TakeSnapshot(func(error) {})
	w.run(500 * time.Millisecond)
	leader.host.TakeSnapshot(func(error) {})
	w.run(500 * time.Millisecond)
	if start := leader.host.Status().LogStart; start.Index <= sent.Index {
		t.Errorf("the log still starts at %s", start)
	}
}

// Scenario forwarded-result.
func TestAnAnswerComesOutOfASnapshot(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	// The command reaches the leader, and from then on the member hears nothing.
	deaf := false
	w.meddle = func(l letter) []letter {
		if deaf && l.to.ID == m.card.ID {
			return nil
		}
		deaf = deaf || l.Kind == wire.Forward && l.from == m
		return []letter{l}
	}
	seq := m.propose("y")
	w.until("the leader has applied it", func() bool { return len(leader.machine.Log) == 2 })
	leader.must("z")
	leader.host.TakeSnapshot(func(error) {})
	w.until("the log is compacted", func() bool { return leader.host.Status().LogStart == leader.host.Status().Applied })
	if m.machine.answered(seq) {
		t.Fatal("it was answered before it could know")
	}
	w.meddle = nil
	w.until("it is answered", func() bool { return m.machine.answered(seq) })
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.Forward && l.from == m {
			t.Error("it is handed to the leader again")
		}
		return []letter{l}
	}
	if _, installed := m.saw(host.SnapshotInstalled); !installed || m.machine.answers[seq] != "2" {
		t.Errorf("the answer is %s, want 2, by way of a snapshot: %v", m.machine.answers[seq], installed)
	}
	w.run(5 * time.Second)
	if got := strings.Join(w.agree(), ","); got != "x,y,z" {
		t.Errorf("applied was %s, want x,y,z", got)
	}
}

// TestASnapshotIsNotTakenUpBeforeItsTaskIsBack: a task runs beside the host, so what
// it has done counts from Finish on.
func TestASnapshotIsNotTakenUpBeforeItsTaskIsBack(t *testing.T) {
	w := newWorld(t)
	_, lags := lagging(w)
	lags.run()
	handled := map[*host.Task]bool{}
	lags.hold = func(task *host.Task) bool {
		if task.Lane != host.ReceiveLane {
			return false
		}
		if !handled[task] {
			handled[task] = true
			task.Run()
			lags.turn()
			if slices.ContainsFunc(lags.tasks, func(task *host.Task) bool { return task.Lane == host.ApplyLane }) {
				t.Error("it is made the state while the task that wrote it is out")
			}
			lags.host.Finish(task)
		}
		return true
	}
	w.until("the snapshot is installed", func() bool { _, ok := lags.saw(host.SnapshotInstalled); return ok })
	if len(handled) == 0 {
		t.Error("nothing was received")
	}
}
