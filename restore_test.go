package balsa_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/restoring"
)

// bringBack restores a backup into the running cluster.
func (c *cluster) bringBack(through string, file []byte, options ...balsa.RestoreOption) balsa.Index {
	c.Helper()
	index, err := c.nodes[through].Restore(c.ctx, bytes.NewReader(file), options...)
	if err != nil {
		c.Fatalf("restore through %s: %v", through, err)
	}
	return index
}

const largeCommands = 60_000

// large is a state of several pieces.
func (c *cluster) large(through string) (sum int) {
	c.Helper()
	numbers := slices.Repeat([]int{1_000_000_000_000_000_007}, largeCommands)
	for _, err := range c.nodes[through].ProposeAll(c.ctx, slices.Values(numbers)) {
		if err != nil {
			c.Fatal(err)
		}
	}
	return c.read(through)
}

func TestARestoreChangesAllMembersAtOneIndex(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.propose("a", 5)
		file, backedUp := c.backup("a")
		c.propose("a", 1000)
		away := c.followers()[0]
		c.stop(away)

		through := c.followers()[0]
		index := c.bringBack(through, file)
		if s := c.nodes[through].Status(); index <= backedUp || index != s.Applied || s.Snapshot != index {
			t.Errorf("it says index %d, and the member is %v; the backup was of %d", index, s, backedUp)
		}
		for _, name := range c.names() {
			if got := c.read(name); got != 5 {
				t.Errorf("%s reads %d after the restore, want 5", name, got)
			}
		}
		if got := c.propose(through, 1); got != 6 {
			t.Errorf("the next command returned %d, want 6: it runs on the backup's state", got)
		}
		// Who was away hears of it from the log.
		c.open(away)
		if all := c.agree(); all.Sum != 6 || len(all.Entries) != 2 {
			t.Errorf("all members have %v", all)
		}
		// And it is the state of those that start again, and of those that come.
		for _, name := range []string{"a", "b", "c"} {
			c.stop(name)
		}
		for _, name := range []string{"a", "b", "c"} {
			c.open(name)
		}
		c.open("d", withJoin("a"))
		c.awaitRole("a", "d", "voter")
		if all := c.agree(); all.Sum != 6 {
			t.Errorf("after a restart all members have %v", all)
		}
	})
}

func TestAStateOfManyPiecesIsRestoredWhileCommandsGoOn(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		want := c.large("a")
		file, _ := c.backup("a")
		if len(file) < 4*256<<10 {
			t.Fatalf("a backup of %d bytes is of too few pieces", len(file))
		}
		wrote := 0
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes["b"].Restore(c.ctx, bytes.NewReader(file))
			done <- err
		}()
		var err error
		for ended := false; !ended; {
			c.propose("a", 1)
			wrote++
			select {
			case err = <-done:
				ended = true
			default:
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		all := c.agree()
		after := len(all.Entries) - largeCommands // written after it
		if all.Sum != want+after || after > wrote {
			t.Errorf("the sum is %d with %d commands after the restore, the backup's was %d", all.Sum, after, want)
		}
	})
}

// Scenario retry-after-restore: the sessions are those of the running cluster.
func TestACommandThatRanBeforeARestoreIsAnsweredAndDoesNotRunOnIt(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		early := c.caller("a", 0)
		first := early.ask("a", 1, 1)
		file, _ := c.backup("a")
		second := early.ask("b", 2, 10) // not in the backup
		late := c.caller("b", 0)        // whose session is not in the backup, either
		third := late.ask("b", 1, 100)
		c.bringBack("c", file)
		for _, name := range c.names() {
			if a, b, d := early.ask(name, 1, 1), early.ask(name, 2, 10), late.ask(name, 1, 100); a != first || b != second || d != third {
				t.Errorf("sent again to %s, they return %d, %d and %d, want %d, %d and %d", name, a, b, d, first, second, third)
			}
			if got := c.read(name); got != 1 {
				t.Errorf("%s has %d, want 1: commands ran again", name, got)
			}
		}
		if got := late.ask("a", 2, 1); got != 2 {
			t.Errorf("the next one returns %d, want 2", got)
		}
	})
}

// Scenario restore-under-way.
func TestABackupOfAnotherClusterIsRefusedUnlessAskedFor(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("other")
		for range 5000 {
			c.propose("other", 1)
		}
		file, backedUp := c.backup("other")
		c.stop("other")
		c.found("a", "b", "c")
		c.propose("a", 7)
		_, err := c.nodes["b"].Restore(c.ctx, bytes.NewReader(file))
		if !errors.Is(err, balsa.ErrOtherCluster) || !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("it is taken: %v", err)
		}
		if got := c.read("a"); got != 7 {
			t.Errorf("it changes the state to %d", got)
		}
		// Whatever the backup's state says of indexes, those to come are greater.
		if index := c.bringBack("b", file, balsa.OtherCluster()); index <= backedUp {
			t.Errorf("it becomes the state at %d, and holds entries up to %d", index, backedUp)
		}
		if all := c.agree(); all.Sum != 5000 {
			t.Errorf("all have %d", all.Sum)
		}
	})
}

func TestWhatIsNoWholeBackupChangesNothing(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.large("a")
		whole, _ := c.backup("a")
		c.propose("a", 1)
		want := c.read("a")
		altered := bytes.Clone(whole)
		altered[len(altered)-100] ^= 1
		for what, file := range map[string][]byte{"empty": nil, "cut": whole[:len(whole)-1], "cut early": whole[:100], "altered": altered, "with more": append(bytes.Clone(whole), 0)} {
			_, err := c.nodes["b"].Restore(c.ctx, bytes.NewReader(file))
			if !errors.Is(err, balsa.ErrBackup) || !errors.Is(err, balsa.ErrNotCommitted) || !strings.Contains(err.Error(), "at offset") {
				t.Errorf("%s: %v, want ErrBackup and the place", what, err)
			}
		}
		broken := errors.New("the line broke")
		_, err := c.nodes["b"].Restore(c.ctx, io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("a reader that fails: %v", err)
		}
		for _, name := range c.names() {
			if got := c.read(name); got != want {
				t.Errorf("%s has %d, want %d", name, got, want)
			}
			// Nothing is left under way.
			if err := c.nodes[name].Snapshot(c.soon(time.Second)); err != nil {
				t.Error(err)
			}
		}
		c.bringBack("b", whole)
	})
}

// Scenario restore-under-way.
func TestASecondRestoreAtATimeIsRefused(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		want := c.large("a")
		file, _ := c.backup("a")
		c.propose("a", 1)
		stalled, more := io.Pipe()
		first := make(chan error, 1)
		go func() {
			_, err := c.nodes["a"].Restore(c.ctx, stalled)
			first <- err
		}()
		half := len(file) / 2
		if _, err := more.Write(file[:half]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := c.nodes["b"].Restore(c.ctx, bytes.NewReader(file)); !errors.Is(err, restoring.ErrBusy) || !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("the second one: %v", err)
		}
		// The first one goes on as if there had not been another.
		if _, err := more.Write(file[half:]); err != nil {
			t.Fatal(err)
		}
		more.Close()
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		if all := c.agree(); all.Sum != want {
			t.Errorf("the sum is %d, want %d", all.Sum, want)
		}
	})
}

// Scenario restore-under-way.
func TestMembersTakeNoSnapshotWhileARestoreIsUnderWayAndDoWhenItIsLeft(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		c.large("a")
		file, _ := c.backup("a")
		through := c.followers()[0]
		others := slices.DeleteFunc(c.names(), func(name string) bool { return name == through })
		ctx, cancel := context.WithCancel(c.ctx)
		stalled, more := io.Pipe()
		go c.nodes[through].Restore(ctx, stalled)
		if _, err := more.Write(file[:len(file)/2]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		took := c.nodes[others[0]].Status().Snapshot
		if err := c.nodes[others[0]].Snapshot(c.soon(restoring.Patience / 2)); err == nil {
			t.Error("a snapshot was taken")
		}
		// Nobody goes on with it, and nobody writes: its member is gone for good.
		c.network.Cut(addr(through), addr(others[0]), addr(others[1]))
		began := time.Now()
		if err := c.nodes[others[0]].Snapshot(c.soon(2 * restoring.Patience)); err != nil || c.nodes[others[0]].Status().Snapshot == took {
			t.Errorf("no snapshot %s after it was left: %v", time.Since(began), err)
		}
		cancel()
		more.Close()
		c.network.Heal()
		c.leader()
		c.bringBack("a", file)
	})
}

func TestAStreamOfCommandsEndsAtARestore(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		r := &reader{c: c, name: "b", next: 1}
		c.propose("b", 1)
		file, _ := c.backup("b")
		c.propose("b", 2)
		if err := r.read(2); err != nil {
			t.Fatal(err)
		}
		index := c.bringBack("b", file)
		if err := r.read(1); !errors.Is(err, balsa.ErrCompacted) {
			t.Errorf("a reader who has seen all before gets %v after %v", err, r.seen)
		}
		c.propose("b", 3)
		r.next = index + 1
		if err := r.read(1); err != nil || r.seen[len(r.seen)-1] != 3 {
			t.Errorf("a reader who goes on after the restore gets %v, %v", r.seen, err)
		}
	})
}

// Scenario restore-under-way: while a backup goes through the log, leadership moves again and again: all of it comes
// through, or the state stays.
func TestARestoreOutlivesChangesOfLeaders(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		want := c.large("a")
		file, _ := c.backup("a")
		c.propose("a", 1)
		slowly, more := io.Pipe()
		go func() {
			for part := range slices.Chunk(file, 50<<10) {
				if _, err := more.Write(part); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			more.Close()
		}()
		done := make(chan error, 1)
		go func() {
			_, err := c.nodes["b"].Restore(c.ctx, slowly)
			done <- err
		}()
		moves := 0
		for ended := false; !ended; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				ended = true
			case <-time.After(300 * time.Millisecond):
				moves++
				// It may be another's turn: what counts is that leadership moves.
				c.nodes["a"].TransferLeadership(c.soon(time.Second), 0)
			}
		}
		if all := c.agree(); all.Sum != want || moves < 3 {
			t.Errorf("after %d changes of leaders the sum is %d, want %d", moves, all.Sum, want)
		}
	})
}

// Scenario restore-under-way: the power of a member goes at each operation of its disk from the last piece on: it comes
// back with the state of before, and then that of the backup.
func TestACrashWhileABackupBecomesTheStateLosesNothing(t *testing.T) {
	inBubble(t, func(c *cluster) {
		disk := fault.New(1)
		c.disks["a"] = disk
		c.open("a")
		c.propose("a", 5)
		file, _ := c.backup("a")
		c.propose("a", 1000)
		crashes := []*fault.Disk{}
		disk.Watch(func(fault.Operation) { crashes = append(crashes, disk.Image(uint64(len(crashes)))) })
		index := c.bringBack("a", file)
		disk.Watch(nil)
		c.propose("a", 1)
		c.stop("a")
		seen := map[int]int{}
		for i, crashed := range crashes {
			c.disks["a"] = fsys.FS(crashed)
			a := c.open("a")
			c.leader()
			sum := c.read("a")
			seen[sum]++
			if sum != 5 && sum != 1005 || sum == 1005 && a.Status().Snapshot >= index {
				t.Errorf("after a crash at operation %d the sum is %d: %v", i, sum, a.Status())
			}
			c.stop("a")
		}
		if seen[5] == 0 || seen[1005] == 0 || seen[5]+seen[1005] != len(crashes) {
			t.Errorf("of %d crashes %v", len(crashes), seen)
		}
	})
}

// Scenario restore-under-way.
func TestAFullDiskHoldsARestoreUpUntilThereIsRoom(t *testing.T) {
	inBubble(t, func(c *cluster) {
		disks := map[string]*fault.Disk{}
		for _, name := range []string{"a", "b", "c"} {
			disks[name] = fault.New(1)
			c.disks[name] = disks[name]
		}
		c.found("a", "b", "c")
		c.propose("a", 5)
		file, _ := c.backup("a")
		c.propose("a", 1000)
		full := c.followers()[0]
		rule := disks[full].Inject(fault.Rule{Op: fault.Create, File: "snap-*", Err: fsys.ErrNoSpace})
		c.bringBack(c.leader(), file)
		c.propose(c.leader(), 1)
		c.eventually("the full disk was met", func() bool { return rule.Struck() > 0 })
		if got := c.peek(full).Sum; got != 1005 {
			t.Errorf("%s has %d without room for the backup, want 1005", full, got)
		}
		rule.Remove()
		if all := c.agree(); all.Sum != 6 {
			t.Errorf("with room again all have %d, want 6", all.Sum)
		}
	})
}

// Scenario restore-under-way: a member that has no room for the backup is sent a snapshot
// from after it. That stands for the backup, which needs no room any more.
func TestASnapshotFromAfterARestoreStandsForIt(t *testing.T) {
	inBubble(t, func(c *cluster) {
		keepsOne := func(cfg *balsa.Config) { cfg.KeepSnapshots = 1 }
		disks := map[string]*fault.Disk{}
		for _, name := range []string{"a", "b", "c"} {
			disks[name] = fault.New(1)
			c.disks[name] = disks[name]
		}
		for _, name := range []string{"a", "b", "c"} {
			c.open(name, withCluster("a", "b", "c"), keepsOne)
		}
		c.leader()
		c.propose("a", 5)
		file, _ := c.backup("a")
		c.propose("a", 1000)
		full, leader := c.followers()[0], c.leader()
		noRoom := disks[full].Inject(fault.Rule{Op: fault.Create, File: "snap-*", Err: fsys.ErrNoSpace})
		at := c.bringBack(leader, file)
		c.eventually("the full disk was met", func() bool { return noRoom.Struck() > 0 })
		noRoomForIt := disks[full].Inject(fault.Rule{Op: fault.Create, File: fmt.Sprintf("snap-*-%016x-*", at), Err: fsys.ErrNoSpace})
		noRoom.Remove()

		c.network.Partition([]string{addr(full)}, others(c.names(), full))
		c.propose(leader, 1)
		for _, name := range []string{"a", "b", "c"} {
			if name == full {
				continue
			}
			if err := c.nodes[name].Snapshot(c.ctx); err != nil {
				t.Fatal(err)
			}
		}
		c.network.Heal()
		if all := c.agree(); all.Sum != 6 {
			t.Errorf("all have %d, want 6", all.Sum)
		}
		noRoomForIt.Remove()
		c.propose(full, 1)
		if all := c.agree(); all.Sum != 7 {
			t.Errorf("with room again all have %d, want 7", all.Sum)
		}
	})
}

// rewinder is a list that notes what it is told of restores.
type rewinder struct {
	*balsa.State[[]int, int, int]
	said []string
}

func newRewinder() *rewinder {
	return &rewinder{State: balsa.Func([]int{}, func(l *[]int, _ balsa.Entry, n int) int { *l = append(*l, n); return len(*l) })}
}

func (r *rewinder) Restore(from io.Reader) error {
	r.said = append(r.said, "restore")
	return r.State.Restore(from)
}

func (r *rewinder) Accepts(head []byte) error {
	r.said = append(r.said, "accepts "+string(head))
	if !bytes.HasPrefix(head, []byte("[1")) {
		return errors.New("it does not begin with 1")
	}
	return nil
}

func (r *rewinder) Rewound(e balsa.Entry) {
	r.said = append(r.said, fmt.Sprintf("rewound at %d, time %v", e.Index, !e.Time.IsZero()))
}

func TestARewinderIsAskedBeforeAndToldAfterwards(t *testing.T) {
	inBubble(t, func(c *cluster) {
		disk := fsys.NewMemory()
		open := func(sm *rewinder) *balsa.Node[*rewinder, int, int] {
			node, err := balsa.Open(c.ctx, balsa.Config{Name: "a", Files: disk}, sm)
			if err != nil {
				t.Fatal(err)
			}
			return node
		}
		sm := newRewinder()
		node := open(sm)
		propose := func(n int) {
			if _, err := node.Propose(c.ctx, n); err != nil {
				t.Fatal(err)
			}
		}
		backup := func() io.Reader {
			var b bytes.Buffer
			if _, err := node.Backup(c.ctx, &b); err != nil {
				t.Fatal(err)
			}
			return &b
		}
		propose(1)
		file := backup()
		propose(2)
		index, err := node.Restore(c.ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		told := fmt.Sprintf("rewound at %d, time true", index)
		if want := []string{"accepts [1]", "restore", told}; !slices.Equal(sm.said, want) {
			t.Errorf("it was told %q, want %q", sm.said, want)
		}
		// A start from that snapshot is the same Restore; one from a later snapshot is none.
		for _, want := range [][]string{{"restore", told}, {"restore"}} {
			if err := node.Close(); err != nil {
				t.Fatal(err)
			}
			sm = newRewinder()
			node = open(sm)
			propose(3)
			if !slices.Equal(sm.said, want) {
				t.Errorf("after a start it was told %q, want %q", sm.said, want)
			}
			if err := node.Snapshot(c.ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := node.Restore(c.ctx, strings.NewReader("")); !errors.Is(err, balsa.ErrBackup) {
			t.Errorf("no backup: %v", err)
		}
		node.Close()

		other := newRewinder()
		node, err = balsa.Open(c.ctx, balsa.Config{Name: "b"}, other)
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		propose(7)
		if _, err := node.Restore(c.ctx, backup()); err == nil || !strings.Contains(err.Error(), "it does not begin with 1") || !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("what it does not accept is taken: %v", err)
		}
	})
}
