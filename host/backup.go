package host

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// A backup is the file of a snapshot, written to a stream instead of the disk. It is taken
// as a snapshot is: apply stands still while the state is captured, and goes on while it is
// written.
//
// To restore one is to make, in an empty directory, a member that is the only one of a new
// cluster and begins where the backup ends: the state is its snapshot, and its log is
// empty after it. Indexes go on from there, so that what the state says of them stays
// true.

// Captured is the state at a moment, to be written once, beside the applies that follow.
type Captured struct {
	Meta  snapshot.Meta
	State io.WriterTo
	Err   error
}

// ErrNothingApplied says that there is no state yet.
var ErrNothingApplied = errors.New("nothing was applied on this member yet")

// Capture asks for the present state. done is called by Finish or Turn, once; it must see
// to it that the state is written, to nobody if need be.
func (h *Host) Capture(done func(Captured)) {
	h.captures.asked = append(h.captures.asked, done)
}

// turnCaptures captures the state for all who have asked.
func (h *Host) turnCaptures() {
	c := &h.captures
	if len(c.asked) == 0 || h.applyBusy() {
		return
	}
	asked := c.asked
	c.asked = nil
	if h.applying.at.Index == 0 {
		answerAll(asked, func() Captured { return Captured{Err: ErrNothingApplied} })
		return
	}
	meta := h.snapshotMeta()
	captured := make([]Captured, len(asked))
	h.beginTask(&Task{
		Lane: ApplyLane,
		run: func() {
			for i := range captured {
				captured[i].Meta = meta
				captured[i].State, captured[i].Err = h.cfg.Machine.Capture()
			}
		},
		// Whoever asked lets go of the state, even if the member has stopped meanwhile.
		always: func() {
			i := -1
			answerAll(asked, func() Captured { i++; return captured[i] })
		},
		finish: func() {},
	})
}

func answerAll(asked []func(Captured), next func() Captured) {
	for _, done := range asked {
		done(next())
	}
}

// Restoration is what Restore has made.
type Restoration struct {
	Name string
	ID   wire.MemberID
	// Former is the cluster that the backup is of, Members those that it had, New the one
	// that begins.
	Former, New wire.ClusterID
	Members     wire.Membership
	At          wire.Pos // the last entry in the backup
	Time        int64    // that entry's, nanoseconds since 1970 by the replicated clock
}

// ErrNotEmpty says that a directory holds something already.
var ErrNotEmpty = errors.New("the directory is not empty")

// ErrHalfRestored says that a restore into a directory was cut short.
var ErrHalfRestored = errors.New("a backup was being restored into this directory, and that was cut short; restore it again")

// restoringFile is in a directory from before the first until after the last change of a
// restore.
const restoringFile = "restoring"

// CheckRestored refuses a directory with these files if a restore into it was cut short.
func CheckRestored(names []string) error {
	for _, name := range names {
		if name == restoringFile {
			return ErrHalfRestored
		}
	}
	return nil
}

// Restore makes the member of that name, in an empty directory, from a backup. The caller
// has locked the directory. After a crash or an error in the middle of it, the directory is
// no member's, and Restore may be repeated. Errors: ErrNotEmpty, what is wrong with the
// backup (*snapshot.DamageError, fsys.ErrNewerVersion), and the file system's.
func Restore(files fsys.FS, name string, random func() uint64, backup io.Reader) (Restoration, error) {
	// What the backup begins with is looked at before anything is changed.
	state, err := snapshot.NewDecoder(backup, "the backup")
	if err != nil {
		return Restoration{}, err
	}
	if err := clearForRestore(files); err != nil {
		return Restoration{}, err
	}
	from := state.Meta()
	who := identity.Identity{ID: wire.MemberID(random() | 1), Name: name, Cluster: wire.ClusterID(random() | 1)}
	alone, err := wire.NewMembership(wire.Member{ID: who.ID, Name: name, Role: wire.Voter})
	if err != nil {
		return Restoration{}, err
	}
	alone.Version = from.Membership.Version // so may the state
	meta := snapshot.Meta{Pos: from.Pos, Time: from.Time, Membership: alone, ID: random(), Cluster: who.Cluster}
	if err := writeRestored(files, meta, state); err != nil {
		return Restoration{}, err
	}
	if err := beginLogAfter(files, who.ID, from.Pos); err != nil {
		return Restoration{}, err
	}
	if err := identity.Save(files, who); err != nil {
		return Restoration{}, err
	}
	if err := removeDurably(files, restoringFile); err != nil {
		return Restoration{}, err
	}
	return Restoration{
		Name: name, ID: who.ID, Former: from.Cluster, New: who.Cluster, Members: from.Membership, At: from.Pos, Time: from.Time,
	}, nil
}

// clearForRestore begins: it refuses a directory that holds something, and removes what an
// earlier restore has left.
func clearForRestore(files fsys.FS) error {
	names, err := files.List()
	if err != nil {
		return err
	}
	if len(names) > 0 && CheckRestored(names) == nil {
		return fmt.Errorf("%w: there is %s; restore into another one", ErrNotEmpty, strings.Join(names, ", "))
	}
	mark, err := files.Create(restoringFile)
	if err != nil {
		return err
	}
	if err := errors.Join(mark.Sync(), mark.Close(), files.SyncDir()); err != nil {
		return err
	}
	for _, name := range names {
		if name == restoringFile {
			continue
		}
		if err := files.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

func writeRestored(files fsys.FS, meta snapshot.Meta, state io.Reader) error {
	store, err := snapshot.Open(files, 1)
	if err != nil {
		return err
	}
	w, err := store.Create(meta)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, state); err != nil {
		w.Abort()
		return err
	}
	return w.Commit()
}

// beginLogAfter makes an empty log after a position, in its term: the member's first
// election is for a later one.
func beginLogAfter(files fsys.FS, id wire.MemberID, at wire.Pos) error {
	log, err := wal.Open(files, wal.Options{Member: id})
	if err != nil {
		return err
	}
	log.Reset(at)
	log.SaveHardState(wire.HardState{Term: at.Term})
	flush := log.Flush()
	err = log.Flushed(flush, flush.Run())
	return errors.Join(err, log.Close())
}

func removeDurably(files fsys.FS, name string) error {
	return errors.Join(files.Remove(name), files.SyncDir())
}
