package host

import (
	"errors"
	"fmt"
	"strings"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// A member whose log or snapshots are damaged has lost what it had acknowledged, and
// perhaps a vote. It must not take part on the strength of what is left; but the others
// hold all of it. So it asks them to take it in as a new member in its own place, which
// needs a majority without it. Until they have, not a byte of its files is touched: they
// may be the only copy. Then the files are set aside under other names, and it starts
// with nothing, as a learner.

// asidePrefix begins the names of files that were set aside: then come the identity
// that they belong to, and their own name.
const asidePrefix = "damaged-"

// mayBeReplaced says whether an error in opening the files is one that the others can
// mend. A state machine that was given a part of the state cannot begin again.
func (h *Host) mayBeReplaced(err error) bool {
	return errors.Is(err, fsys.ErrDamaged) && h.cfg.Identity.Cluster != 0 && len(h.others()) > 0 && !h.touched
}

// enterRepair lets the member ask for its place under a new identity.
func (h *Host) enterRepair(damage error) {
	h.log, h.snapshots = nil, nil
	h.standing.init()
	h.card.ID = wire.MemberID(h.cfg.Random() | 1)
	h.standing.state, h.standing.damage = repairing, damage
	h.standing.sayAt = h.now + sayEvery
	h.cfg.Transport.Introduce(h.card)
	h.cfg.Logger.Error("this member's files are damaged; it asks the others to take it in as a new one, and leaves the files alone until then", "error", damage)
	h.event(Event{Kind: Damaged, Err: damage})
}

// beginAnew sets the damaged files aside and opens new ones, once the others have taken
// the new identity in.
func (h *Host) beginAnew() error {
	h.cfg.Identity.Replaces, h.cfg.Identity.ID, h.cfg.Identity.Lost = h.cfg.Identity.ID, h.card.ID, false
	if err := identity.Save(h.cfg.Files, h.cfg.Identity); err != nil {
		return err
	}
	if err := h.setAside(); err != nil {
		return err
	}
	h.cfg.Raft.ID = h.card.ID
	return h.openLog()
}

// setAside renames the files of the identity that this one replaces. It may be repeated
// after a crash: the identity remembers that it is to be done until it is. Files that
// were set aside before that go.
func (h *Host) setAside() error {
	names, err := h.cfg.Files.List()
	if err != nil {
		return fmt.Errorf("set damaged files aside: %w", err)
	}
	kept := asidePrefix + h.cfg.Identity.Replaces.String() + "-"
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "wal-") || strings.HasPrefix(name, "snap-"):
			err = h.cfg.Files.Rename(name, kept+name)
		case strings.HasPrefix(name, asidePrefix) && !strings.HasPrefix(name, kept):
			err = h.cfg.Files.Remove(name)
		}
		if err != nil {
			return fmt.Errorf("set damaged files aside: %w", err)
		}
	}
	if err := h.cfg.Files.SyncDir(); err != nil {
		return fmt.Errorf("set damaged files aside: %w", err)
	}
	h.cfg.Identity.Replaces = 0
	return identity.Save(h.cfg.Files, h.cfg.Identity)
}
