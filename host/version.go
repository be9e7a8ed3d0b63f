package host

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Members are upgraded one by one, so that for a while programs of two versions share a log.
// Each says in its handshakes which cluster versions it understands, and a leader that is
// connected to all members makes the least of their newest the cluster's, by an entry with
// the membership. What only newer programs understand is proposed by who has applied such an
// entry, and so stands after it in every log. From then on nobody takes part who does not
// understand it: a newcomer is refused, and a member that went back to its former program
// stops. Until then any member may go back.

// ErrClusterVersion says that a program and a cluster do not fit together: the one does not
// understand what the other's log may hold.
var ErrClusterVersion = errors.New("the cluster's version does not fit")

// ClusterVersion is the version as of what was applied here: what it allows may be proposed.
func (h *Host) ClusterVersion() wire.ClusterVersion { return h.applying.membership.Version }

// versionsOf is what a member said that it understands; known is false of one that this
// member is not connected to.
func (h *Host) versionsOf(id wire.MemberID) (r wire.Versions, known bool) {
	if id == h.card.ID {
		return h.card.Versions, true
	}
	r, known = h.contact.versions[id]
	return r, known && h.contact.up[id]
}

// noteVersions takes what a process says that it understands. Who answers on a connection
// that this member opened is who lives there now; others may be on their way out.
func (h *Host) noteVersions(card wire.Card, answered bool) {
	if answered || !h.contact.up[card.ID] {
		h.contact.versions[card.ID] = card.Versions
	}
}

// raiseVersion makes the cluster's version what all members understand. It waits for members
// that are away: what they are by now, nobody knows.
func (h *Host) raiseVersion() {
	m := h.view.Membership
	all := make([]wire.Versions, 0, len(m.Members))
	for _, a := range m.All() {
		r, known := h.versionsOf(a.ID)
		if !known {
			return
		}
		all = append(all, r)
	}
	v := wire.Least(all...)
	if m.Version.Reaches(v) {
		return
	}
	// What stands in the way now may be gone when it is looked at again.
	if h.core.RaiseVersion(h.now, v) == nil {
		h.cfg.Logger.Info("all members understand a newer version, which the cluster now has", "version", v, "before", m.Version)
	}
	h.execute(nil)
}

// versionFits stops a member whose program does not understand what the log may hold.
func (h *Host) versionFits() error { return fits(h.card.Versions, h.view.Membership.Version) }

// fits says whether a program with these versions may hold the log of a cluster.
func fits(r wire.Versions, v wire.ClusterVersion) error {
	switch {
	case r.TooOld(v):
		return fmt.Errorf("%w: the cluster's is %s, and this program understands %s; all members were upgraded together, so start this one with their program: %w", ErrClusterVersion, v, r, fsys.ErrNewerVersion)
	case r.TooNew(v):
		return fmt.Errorf("%w: the cluster's is %s, and this program understands %s; upgrade all members to a program between the two first, until balsa status shows a version that this one understands", ErrClusterVersion, v, r)
	}
	return nil
}

// mayJoin says why a newcomer with these versions is not taken in.
func (h *Host) mayJoin(r wire.Versions) error {
	v := h.view.Membership.Version
	switch {
	case r.TooOld(v):
		return fmt.Errorf("%w: it is %s, and the newcomer understands %s only; start it with the program of the other members", ErrClusterVersion, v, r)
	case r.TooNew(v):
		return fmt.Errorf("%w: it is %s, and the newcomer understands %s; upgrade the members first", ErrClusterVersion, v, r)
	}
	return nil
}

// mayAdd says why those of members who are new are not taken in, as far as they have said what
// they understand: one that has not, and does not, will stop.
func (h *Host) mayAdd(members ...wire.Member) error {
	for _, m := range members {
		r, known := h.contact.versions[m.ID]
		if _, in := h.view.Membership.Find(m.ID); in || !known {
			continue
		}
		if err := h.mayJoin(r); err != nil {
			return fmt.Errorf("member %s, by what it said last: %w", m, err)
		}
	}
	return nil
}

// foundingVersion is the version of a cluster that these found.
func foundingVersion(cards []wire.Card) (wire.ClusterVersion, error) {
	var all []wire.Versions
	for _, c := range cards {
		all = append(all, c.Versions)
	}
	v := wire.Least(all...)
	for _, c := range cards {
		if c.Versions.TooNew(v) {
			return v, fmt.Errorf("%w: member %s understands %s, and the founders have no more than %s in common; start all with programs that understand one version", ErrClusterVersion, c, c.Versions, v)
		}
	}
	return v, nil
}

// leads says whether this member leads and may change the membership.
func (h *Host) leads() bool { return h.view.Role == raft.Leader && !h.view.Membership.Joint() }
