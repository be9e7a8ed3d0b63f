package snapshot

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

const crashState = 5*small + 3

// seeds is how many different crashes are tried at each operation.
const seeds = 12

// everyCrash runs do once, takes images of what a crash would leave before each of its
// operations that change the disk and after the last, and shows them to check, which is
// told whether do had returned.
func everyCrash(t *testing.T, disk *fault.Disk, do func(), check func(t *testing.T, left *fault.Disk, returned bool)) {
	t.Helper()
	type image struct {
		before string
		disk   *fault.Disk
		done   bool
	}
	var images []image
	crash := func(before string, done bool) {
		for seed := range uint64(seeds) {
			images = append(images, image{before, disk.Image(seed), done})
		}
	}
	disk.Watch(func(o fault.Operation) {
		switch o.Op {
		case fault.Read, fault.Size, fault.List, fault.Open:
		default:
			crash(o.String(), false)
		}
	})
	do()
	disk.Watch(nil)
	crash("the end", true)
	for i, left := range images {
		t.Run(fmt.Sprintf("%d/%s/seed=%d", i/seeds, left.before, i%seeds), func(t *testing.T) { check(t, left.disk, left.done) })
	}
}

// wantWhole checks that what is listed can be read, and that the newest is one of
// those.
func wantWhole(t *testing.T, disk *fault.Disk, newest ...wire.Index) *Store {
	t.Helper()
	s := open(t, disk, 1)
	if damaged := s.Damaged(); len(damaged) > 0 {
		t.Fatalf("a crash damaged %v", damaged)
	}
	for _, index := range indexes(s) {
		wantState(t, s, index, crashState)
	}
	latest, _ := s.Latest()
	for _, index := range newest {
		if latest.Pos.Index == index {
			return s
		}
	}
	t.Fatalf("the newest snapshot is %d, want one of %d", latest.Pos.Index, newest)
	return nil
}

// Scenario rename-not-durable, for snapshots.
func TestNoCrashLosesACommittedSnapshot(t *testing.T) {
	disk := fault.New(1)
	s := open(t, disk, 1)
	must(t, take(s, metaAt(1), stateAt(1, crashState)))
	do := func() { must(t, take(s, metaAt(2), stateAt(2, crashState))) }
	everyCrash(t, disk, do, func(t *testing.T, left *fault.Disk, returned bool) {
		newest := []wire.Index{1, 2}
		if returned {
			newest = []wire.Index{2}
		}
		s := wantWhole(t, left, newest...)
		must(t, take(s, metaAt(3), stateAt(3, crashState)))
		wantFiles(t, left, nameAt(3))
	})
}

// arrive receives a file in pieces, from where the Receiver says.
func arrive(s *Store, meta Meta, file []byte, piece int) error {
	r, err := s.Receive(Meta{Pos: meta.Pos, ID: meta.ID})
	if err != nil {
		return err
	}
	for off := r.Offset(); off < int64(len(file)); off = r.Offset() {
		end := min(off+int64(piece), int64(len(file)))
		if err := r.Write(off, file[off:end]); err != nil {
			r.Abort()
			return err
		}
	}
	if err := r.Commit(); err != nil {
		r.Discard()
		return err
	}
	return nil
}

func TestNoCrashLosesAReceivedSnapshot(t *testing.T) {
	file := raw(t, metaAt(2), stateAt(2, crashState))
	disk := fault.New(1)
	s := open(t, disk, 1)
	must(t, take(s, metaAt(1), stateAt(1, crashState)))
	do := func() { must(t, arrive(s, metaAt(2), file, 37)) }
	resumed := false
	everyCrash(t, disk, do, func(t *testing.T, left *fault.Disk, returned bool) {
		newest := []wire.Index{1, 2}
		if returned {
			newest = []wire.Index{2}
		}
		s := wantWhole(t, left, newest...)
		if latest, _ := s.Latest(); latest.Pos.Index == 2 {
			return
		}
		r, err := s.Receive(metaAt(2))
		must(t, err)
		resumed = resumed || r.Offset() > 0
		if r.Offset() >= int64(len(file)) {
			t.Errorf("a transfer resumes at %d of %d: no piece is left to end it with", r.Offset(), len(file))
		}
		must(t, r.Write(r.Offset(), file[r.Offset():]))
		must(t, r.Commit())
		wantState(t, s, 2, crashState)
		wantFiles(t, left, nameAt(2))
	})
	if !resumed {
		t.Error("no crash left anything to resume from")
	}
}

func TestWhatCameIsThereAfterACrashOnceItWasSynced(t *testing.T) {
	file := raw(t, metaAt(1), stateAt(1, crashState))
	disk := fault.New(1)
	r, err := open(t, disk, 1).Receive(metaAt(1))
	must(t, err)
	must(t, r.Write(0, file))
	must(t, r.sync())
	for seed := range uint64(seeds) {
		wantFiles(t, disk.Image(seed), nameAt(1)+partEnding)
	}
}

// Every operation fails once. Whatever comes of it, the store goes on with what it had
// or with the new one, and a crash right after shows the same.
func TestNoFailedOperationLosesASnapshot(t *testing.T) {
	file := raw(t, metaAt(2), stateAt(2, crashState))
	for name, do := range map[string]func(s *Store) error{
		"create":  func(s *Store) error { return take(s, metaAt(2), stateAt(2, crashState)) },
		"receive": func(s *Store) error { return arrive(s, metaAt(2), file, 37) },
	} {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				disk := fault.New(uint64(n))
				s := open(t, disk, 1)
				must(t, take(s, metaAt(1), stateAt(1, crashState)))
				rule := disk.Inject(fault.Rule{After: n, Times: 1})
				err := do(s)
				if rule.Struck() == 0 {
					must(t, err)
					return
				}
				if err != nil && !errors.Is(err, fault.ErrIO) {
					t.Fatalf("operation %d failed: %v", n, err)
				}
				newest := []wire.Index{1, 2}
				if err == nil {
					newest = []wire.Index{2}
				}
				latest, _ := s.Latest()
				wantState(t, s, latest.Pos.Index, crashState)
				disk.Crash()
				s = wantWhole(t, disk, newest...)
				must(t, do(s))
				wantWhole(t, disk, 2)
			}
		})
	}
}

// After a failed sync the page cache reads well and the disk does not hold it, so a
// second sync that succeeds proves nothing.
func TestWhatAFailedSyncLeftIsNotResumed(t *testing.T) {
	file := raw(t, metaAt(1), stateAt(1, crashState))
	disk := fault.New(1)
	s := open(t, disk, 1)
	disk.Inject(fault.Rule{Op: fault.Sync, Times: 1})
	r, err := s.Receive(metaAt(1))
	must(t, err)
	must(t, r.Write(0, file))
	if err := r.Commit(); !errors.Is(err, fault.ErrIO) {
		t.Fatalf("Commit: %v, want the sync's error", err)
	}
	r.Abort()
	r, err = s.Receive(metaAt(1))
	must(t, err)
	if r.Offset() != 0 {
		t.Errorf("the transfer resumes at %d", r.Offset())
	}
	must(t, r.Write(0, file))
	must(t, r.Commit())
	disk.Crash()
	wantWhole(t, disk, 1)
}

func TestADiskThatLiesDoesNotCostTheOldSnapshot(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"a write flips a bit":     {Op: fault.Write, After: 3, Times: 1, Effect: fault.Corrupt},
		"a write lands elsewhere": {Op: fault.Write, After: 3, Times: 1, Effect: fault.Misplace, Shift: 2 * (small + blockHeader)},
	} {
		t.Run(name, func(t *testing.T) {
			disk := fault.New(1)
			s := open(t, disk, 1)
			must(t, take(s, metaAt(1), stateAt(1, crashState)))
			disk.Inject(rule)
			err := take(s, metaAt(2), stateAt(2, crashState))
			if !isDamage(err) {
				t.Errorf("Commit: %v, want *DamageError", err)
			}
			wantWhole(t, disk, 1)
		})
	}
}

var _ io.Writer = (*Writer)(nil)
