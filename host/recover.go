package host

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// A cluster that has lost its majority for good cannot go on by itself: nobody can tell
// what the lost members knew. A person may decide to go on with what one member has. Then
// that member becomes the only one of a new cluster, under its own identity:
//
//  1. The directory gets a new cluster's identity. From then on nobody of the former life
//     is heard or hears it. A crash here leaves a member that has no leader, and can be
//     recovered again.
//  2. Its log gets one entry more, of a new term: the membership of it alone. With that it
//     elects itself, and commits all that its log holds.
//
// All other entries stay, with their sessions, so that a retry of a command of the former
// life still runs once.

// Recovery is what a recovery does, or would do.
type Recovery struct {
	Name string
	ID   wire.MemberID
	Role string // voter or learner, in Membership
	// Former is the cluster that ends here, New the one that begins; 0 if nothing was
	// done.
	Former, New wire.ClusterID
	// Known is up to where entries are known to be committed: that is what snapshots
	// hold. Those after it, up to Last, count as committed from now on, though perhaps
	// no majority ever had them. What others acknowledged after Last is lost.
	Known, Last wire.Pos
	Term        wire.Term
	// Membership is the former one, as this member knows it.
	Membership wire.Membership
	// Regressed says that this directory is known to be an older image, which lacks
	// entries that this very member has acknowledged.
	Regressed bool
	// Diverged is the entry after which this member's state was found to differ from that
	// of most others, 0 if it was not. What its snapshots hold is that state.
	Diverged wire.Index
}

// ErrNotRecoverable says that a recovery is not what this directory needs.
var ErrNotRecoverable = errors.New("nothing to recover")

// Recover makes the member that lives in a directory the only one of a new cluster, or
// with dry only says what that would mean. No member may be running there: the caller has
// locked it. wall is the time in nanoseconds since 1970.
//
// It changes nothing before all that it needs was read and is whole. It may be repeated
// after a crash or an error in the middle of it.
func Recover(files fsys.FS, random func() uint64, wall int64, dry bool) (Recovery, error) {
	who, err := identity.Load(files)
	switch {
	case err != nil:
		return Recovery{}, err
	case who.Cluster == 0:
		return Recovery{}, fmt.Errorf("%w: member %s belongs to no cluster yet", ErrNotRecoverable, who.Name)
	case who.Replaces != 0:
		return Recovery{}, fmt.Errorf("%w: member %s was being repaired and holds nothing of its own; recover another one", ErrNotRecoverable, who.Name)
	}
	h := &Host{cfg: Config{Files: files, Identity: who, Machine: blindMachine{}, Logger: slog.New(slog.DiscardHandler), KeepSnapshots: 1 << 10}}
	defer h.closeFiles()
	if err := h.openLog(); err != nil {
		return Recovery{}, err
	}
	if err := h.restoreNewest(); err != nil {
		return Recovery{}, err
	}
	r := h.recovery()
	self, in := r.Membership.Find(who.ID)
	switch {
	case !in:
		return r, fmt.Errorf("%w: the cluster goes on without member %s, of which its log says %s; recover one of those", ErrNotRecoverable, who.Name, r.Membership)
	case slices.Equal(r.Membership.Voters(), []wire.MemberID{who.ID}) && !r.Membership.Joint():
		return r, fmt.Errorf("%w: member %s is the only voter of its cluster; just start it", ErrNotRecoverable, who.Name)
	}
	r.Role = self.Role.String()
	if dry {
		return r, nil
	}
	r.New = wire.ClusterID(random() | 1)
	return r, h.beginNewLife(r, self, wall)
}

// recovery is how the directory stands.
func (h *Host) recovery() Recovery {
	who := h.cfg.Identity
	r := Recovery{
		Name: who.Name, ID: who.ID, Former: who.Cluster, Regressed: who.Lost, Diverged: who.Diverged,
		Known: h.applying.at, Last: h.log.Last(), Term: h.log.HardState().Term, Membership: h.applying.membership,
	}
	for s := range h.log.Spans() {
		if s.Membership != nil && s.Last > r.Known.Index {
			r.Membership = *s.Membership
		}
	}
	return r
}

// beginNewLife writes what Recover decided: first the cluster, then the log.
func (h *Host) beginNewLife(r Recovery, self wire.Member, wall int64) error {
	who := h.cfg.Identity
	who.Diverged = 0
	who.Cluster, who.Lost = r.New, false
	if err := identity.Save(h.cfg.Files, who); err != nil {
		return err
	}
	self.Role = wire.Voter
	alone, err := wire.NewMembership(self)
	if err != nil {
		return err
	}
	alone.Version = r.Membership.Version // the log holds what it holds
	at := wire.Pos{Term: r.Term + 1, Index: r.Last.Index + 1}
	body := wire.AppendEntry(wire.NewBody(256), wire.KindMembership, alone.Append(nil))
	h.log.SaveHardState(wire.HardState{Term: at.Term, Vote: self.ID})
	h.log.Append(wire.NewBatch(at, max(wall, h.log.LastTime(), h.applying.time), 1, body))
	flush := h.log.Flush()
	if err := h.log.Flushed(flush, flush.Run()); err != nil {
		return fmt.Errorf("write the new membership: %w", err)
	}
	return nil
}

// blindMachine reads a snapshot to its end, which shows whether it is whole, and keeps
// nothing.
type blindMachine struct{}

func (blindMachine) Apply(ApplyInput) (ApplyOutput, error) { return ApplyOutput{}, nil }
func (blindMachine) Capture() (io.WriterTo, error)         { return nil, errors.ErrUnsupported }
func (blindMachine) Durable() (wire.Index, bool)           { return 0, false }

func (blindMachine) Restore(_ ApplyInput, r io.Reader) (ApplyOutput, error) {
	_, err := io.Copy(io.Discard, r)
	return ApplyOutput{}, err
}
