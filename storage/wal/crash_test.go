package wal

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/fsys/fault"
)

// survives says whether a disk, after a crash, opens as one of the states allowed, and
// can be worked with from there on.
func survives(disk *fault.Disk, options Options, allowed []model, seed uint64) error {
	u := newUser(disk, seed)
	u.options, u.allowed = options, allowed
	if err := u.open(); err != nil {
		return err
	}
	if what, unsynced := disk.Unsynced(); unsynced && what != "the directory" {
		return fmt.Errorf("%s is not durable, though the log was opened from it", what)
	}
	for range 3 {
		u.append()
		if err := errors.Join(u.flush(0), u.reopen()); err != nil {
			return fmt.Errorf("after it was opened: %w", err)
		}
	}
	return nil
}

// TestNoCrashLosesWhatWasAcknowledged is scenario replay-resurrects, torn-tail and
// unsynced-ack: it cuts the power before each file operation of a log that is used at
// random, and compares what the log opens as with what it may.
func TestNoCrashLosesWhatWasAcknowledged(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	crashes := 0
	for seed := range seeds {
		disk := fault.New(seed)
		u := newUser(disk, seed)
		disk.Watch(func(o fault.Operation) {
			if o.Op > fault.Sync {
				return
			}
			for n := range uint64(2) {
				crashes++
				if err := survives(disk.Image(uint64(crashes)), u.options, u.allowed, n); err != nil {
					t.Fatalf("seed %d, crash %d before %s: %v", seed, crashes, o, err)
				}
			}
		})
		if err := u.open(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for n := range 150 {
			if err := u.step(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, n, err)
			}
		}
	}
	t.Logf("%d crashes", crashes)
}

// use uses a log until an operation fails or the process dies.
func use(u *user) (err error) {
	defer func() {
		if p := recover(); p == errDied {
			err = errDied
		} else if p != nil {
			panic(p)
		}
	}()
	err = u.open()
	for n := 0; err == nil && n < 40; n++ {
		err = u.step()
	}
	return err
}

var errDied = errors.New("the process died")

// dieAt ends the process at the n-th operation that changes the disk.
func dieAt(disk *fault.Disk, n int) {
	disk.Watch(func(o fault.Operation) {
		if o.Op > fault.Sync {
			return
		}
		if n--; n < 0 {
			disk.Watch(nil)
			panic(errDied)
		}
	})
}

// TestAProcessThatDiesLosesNothing kills the process at each operation, which leaves
// all it wrote in the system's memory; opens the log; and cuts the power: what Open
// said of the log must still be so.
func TestAProcessThatDiesLosesNothing(t *testing.T) {
	for seed := range uint64(3) {
		for n := 0; ; n++ {
			disk := fault.New(seed)
			u := newUser(disk, seed)
			dieAt(disk, n)
			err := use(u)
			if err == nil {
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatalf("seed %d, before operation %d: %v", seed, n, err)
			}
			if err := openThenCrash(disk, u); err != nil {
				t.Fatalf("seed %d, killed at operation %d: %v", seed, n, err)
			}
		}
	}
}

// TestAFailedSyncIsNeverBelieved is scenario fsyncgate: each operation fails once, and
// the system forgets what it could not write, while it goes on showing it. The log
// stays failed; a restart relies on nothing but what is on the disk.
func TestAFailedSyncIsNeverBelieved(t *testing.T) {
	for seed := range uint64(3) {
		for _, op := range []fault.Op{fault.Sync, fault.Write, fault.SyncDir} {
			for n := 0; ; n++ {
				disk := fault.New(seed)
				u := newUser(disk, seed)
				rule := disk.Inject(fault.Rule{Op: op, After: n, Times: 1})
				err := use(u)
				if err == nil {
					break
				}
				if !errors.Is(err, fault.ErrIO) {
					t.Fatalf("seed %d, %s %d: %v", seed, op, n, err)
				}
				rule.Remove()
				if err := staysFailed(u, err); err != nil {
					t.Fatalf("seed %d, %s %d: %v", seed, op, n, err)
				}
				if err := openThenCrash(disk, u); err != nil {
					t.Fatalf("seed %d, failed %s %d: %v", seed, op, n, err)
				}
			}
		}
	}
}

// staysFailed says whether a log that could not write once never writes again.
func staysFailed(u *user, cause error) error {
	if !errors.Is(cause, ErrFailed) {
		return nil // it did not open
	}
	u.append()
	f := u.log.Flush()
	if f == nil {
		return nil
	}
	if err := u.log.Flushed(f, f.Run()); !errors.Is(err, ErrFailed) {
		return fmt.Errorf("a flush of a failed log returned %v", err)
	}
	return nil
}

// openThenCrash opens a log that another process left, crashes before anything is
// done with it, and opens it again.
func openThenCrash(disk *fault.Disk, u *user) error {
	next := newUser(disk, 1)
	next.options, next.allowed = u.options, u.allowed
	if err := next.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	for crash := range uint64(3) {
		if err := survives(disk.Image(crash), u.options, slices.Clone(next.allowed), crash); err != nil {
			return fmt.Errorf("open, crash, open: %w", err)
		}
	}
	return nil
}
