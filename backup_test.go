package balsa_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
)

// backup is what a member writes now.
func (c *cluster) backup(name string) (file []byte, index balsa.Index) {
	c.Helper()
	var b bytes.Buffer
	index, err := c.nodes[name].Backup(c.ctx, &b)
	if err != nil {
		c.Fatalf("back up %s: %v", name, err)
	}
	return b.Bytes(), index
}

// restore makes the member of a name from a backup.
func (c *cluster) restore(name string, file []byte) balsa.Restoration {
	c.Helper()
	c.disks[name] = fsys.NewMemory()
	r, err := balsa.Restore(balsa.Config{Name: name, Files: c.disks[name]}, bytes.NewReader(file))
	if err != nil {
		c.Fatalf("restore %s: %v", name, err)
	}
	return r
}

func TestABackupHoldsAllThatWasAppliedAndTakesNoSnapshot(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a")
		c.propose("a", 5)
		file, index := c.backup("a")
		if s := c.nodes["a"].Status(); index != s.Applied || s.Snapshot != 0 {
			t.Errorf("the backup is of index %d, applied is %d, and there is a snapshot at %d", index, s.Applied, s.Snapshot)
		}
		if !bytes.Contains(file, []byte(`"Sum":5`)) {
			t.Errorf("the backup of %d bytes does not hold the state", len(file))
		}
	})
}

func TestARestoredBackupIsANewClusterThatGoesOnWhereItEnds(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.found("a", "b", "c")
		caller := c.caller("a", 0)
		first := caller.ask("a", 1, 100)
		c.propose("b", 1)
		former := c.nodes["a"].Status().Cluster
		c.read("a") // all that was acknowledged is applied there, too
		file, index := c.backup("a")
		c.propose("a", 1000) // after it
		c.stop("b")

		r := c.restore("b", file)
		if r.Former != former || r.New == former || r.New == 0 || r.At.Index != index || len(r.Members.Members) != 3 || r.Name != "b" {
			t.Errorf("it says %+v; the backup is of cluster %s at %d", r, former, index)
		}
		b := c.open("b", withCluster("a", "b", "c")) // as it was started before
		c.eventually("b leads alone", func() bool { s := b.Status(); return s.Role == "leader" && len(s.Members) == 1 })
		if got := c.read("b"); got != 101 {
			t.Errorf("it reads %d, want 101 as of the backup", got)
		}
		if got := caller.ask("b", 1, 100); got != first {
			t.Errorf("a command of before the backup, sent again, returned %d, want %d as then", got, first)
		}
		if got := b.Status(); got.Commit <= index {
			t.Errorf("its log goes on at %d, before the end of the backup at %d", got.Commit, index)
		}
		// The cluster that the backup is of goes on by itself.
		c.leaderOf("a", "c")
		if c.propose("a", 1) != 1102 || c.propose("b", 1) != 102 {
			t.Error("the two clusters have mixed")
		}
		c.stop("c")
		c.wipe("c")
		c.stop("a")
		c.open("c", withJoin("b"))
		c.awaitRole("b", "c", "voter")
		if got := c.agree().Sum; got != 102 {
			t.Errorf("a member that has joined the new cluster has %d, want 102", got)
		}
	})
}

func TestWhatIsNoBackupIsNotRestored(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a")
		c.propose("a", 5)
		whole, _ := c.backup("a")
		for what, file := range map[string][]byte{
			"empty":   nil,
			"cut":     whole[:len(whole)-1],
			"altered": append(append(bytes.Clone(whole[:150]), whole[150]^1), whole[151:]...),
			"a log":   []byte(strings.Repeat("2026-11-21 something happened\n", 20)),
		} {
			disk := fsys.NewMemory()
			_, err := balsa.Restore(balsa.Config{Name: "b", Files: disk}, bytes.NewReader(file))
			if !errors.Is(err, balsa.ErrBackup) || !strings.Contains(err.Error(), "the backup") {
				t.Errorf("%s: %v, want ErrDamaged", what, err)
			}
			// Whether it had come to a change or not, a whole one can be restored there.
			if _, err := balsa.Restore(balsa.Config{Name: "b", Files: disk}, bytes.NewReader(whole)); err != nil {
				t.Errorf("%s, and then a whole one: %v", what, err)
			}
		}
		_, err := balsa.Restore(balsa.Config{Name: "a", Files: c.disks["a"]}, bytes.NewReader(whole))
		if !errors.Is(err, balsa.ErrLocked) {
			t.Errorf("into the directory of a member that runs: %v", err)
		}
		c.stop("a")
		before := image(t, c.disks["a"])
		_, err = balsa.Restore(balsa.Config{Name: "a", Files: c.disks["a"]}, bytes.NewReader(whole))
		if !errors.Is(err, balsa.ErrNotEmpty) || len(before) != len(image(t, c.disks["a"])) {
			t.Errorf("into a member's directory: %v", err)
		}
		for _, cfg := range []balsa.Config{{Name: "b"}, {Files: fsys.NewMemory()}, {Name: "b c", Files: fsys.NewMemory()}} {
			if _, err := balsa.Restore(cfg, bytes.NewReader(whole)); !errors.Is(err, balsa.ErrConfig) {
				t.Errorf("restore %+v: %v, want ErrConfig", cfg, err)
			}
		}
	})
}

// The power goes at each operation of a restore: what it leaves is no member, or the whole
// one, and it can be restored again.
func TestACrashInARestoreLeavesNoMemberOrTheWholeOne(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a")
		c.propose("a", 5)
		whole, _ := c.backup("a")
		whole = bytes.Clone(whole)
		for n := 0; ; n++ {
			disk := fault.New(uint64(n))
			disk.StopAfter(n)
			_, stopped := balsa.Restore(balsa.Config{Name: "b", Files: disk}, bytes.NewReader(whole))
			disk.Crash()
			node, err := balsa.Open(c.ctx, balsa.Config{Name: "b", Files: disk}, newLedger())
			switch {
			case err == nil:
				if err := node.Read(c.ctx, func(l ledgerMachine) {
					// Before the first change there is an empty directory still.
					if l.Value.Sum != 5 && n > 4 {
						t.Fatalf("after %d operations it opens, and holds %d", n, l.Value.Sum)
					}
				}); err != nil {
					t.Fatal(err)
				}
				node.Close()
			case !strings.Contains(err.Error(), "restore it again"):
				t.Fatalf("after %d operations: %v", n, err)
			default:
				if _, err := balsa.Restore(balsa.Config{Name: "b", Files: disk}, bytes.NewReader(whole)); err != nil {
					t.Fatalf("after %d operations, and again: %v", n, err)
				}
			}
			if stopped == nil {
				if err != nil {
					t.Fatalf("after all operations: %v", err)
				}
				break
			}
		}
	})
}

// slowly lets a test act while a backup is being written.
type slowly struct{ wrote func() }

func (s slowly) Write(b []byte) (int, error) { s.wrote(); return len(b), nil }

func TestApplyGoesOnWhileABackupIsWritten(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.open("a")
		c.propose("a", 5)
		_, err := c.nodes["a"].Backup(c.ctx, slowly{func() { c.propose("a", 1) }})
		if err != nil || c.read("a") <= 5 {
			t.Errorf("%v; nothing was applied meanwhile", err)
		}
	})
}

func TestABackupEndsWithItsCallerItsWriterAndItsMember(t *testing.T) {
	inBubble(t, func(c *cluster) {
		node := c.open("a")
		c.propose("a", 5)
		ctx, cancel := context.WithCancel(c.ctx)
		if _, err := node.Backup(ctx, slowly{cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("its caller goes: %v", err)
		}
		if _, err := node.Backup(ctx, io.Discard); !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("its caller has gone before: %v", err)
		}
		full := errors.New("the disk is full")
		if _, err := node.Backup(c.ctx, faulty{full}); !errors.Is(err, full) {
			t.Errorf("its writer fails: %v", err)
		}
		if _, err := node.Backup(c.ctx, slowly{func() { node.Close() }}); !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("its member is closed: %v", err)
		}
		if _, err := node.Backup(c.ctx, io.Discard); !errors.Is(err, balsa.ErrClosed) {
			t.Errorf("its member was closed before: %v", err)
		}
		delete(c.nodes, "a")
		c.open("d", withJoin("nobody"))
		if _, err := c.nodes["d"].Backup(c.soon(time.Second), io.Discard); !errors.Is(err, balsa.ErrNotCommitted) {
			t.Errorf("of a member that has nothing: %v", err)
		}
	})
}

type faulty struct{ err error }

func (f faulty) Write([]byte) (int, error) { return 0, f.err }
