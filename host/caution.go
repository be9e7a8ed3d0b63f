package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/wire"
)

// A change of members that the algorithm would carry out may still be one that nobody
// wants: it would leave voters of whom no majority is there, and the cluster would stand
// still until they are. What people ask for by hand is therefore looked at first, and
// refused with the reason. Command.Force is for who knows better.

// graceTimeouts is for how many election timeouts an objection is waited out, as a new
// leader has not heard of everybody yet.
const graceTimeouts = 2

func (h *Host) inGrace(o *operation) bool {
	return h.now < o.since+graceTimeouts*h.cfg.Raft.ElectionTimeout
}

// mayChange says whether an operation's turn has come, and an error if it is refused.
func (h *Host) mayChange(o *operation, target []wire.Member) (ready bool, err error) {
	if o.command.Force || o.command.Op == join {
		return true, nil
	}
	err = h.cautionAgainst(target)
	if promoted := o.command.Member; err == nil && o.command.Op == SetRole && promoted.Role == wire.Voter && promoted.ID != h.card.ID && !h.reachable(promoted.ID) {
		err = fmt.Errorf("%s does not answer, and cannot catch up", h.called(promoted.ID))
	}
	if err == nil && !h.answeredSince(o, target) {
		err = errors.New("who is to vote from now on does not answer; bring it back first")
	}
	if err != nil {
		if h.inGrace(o) {
			return false, nil
		}
		return false, err
	}
	return o.command.Op != SetRole || h.votersCaughtUp(o, target), nil
}

// votersCaughtUp says whether all who are to vote from now on hold what was in the log when
// they were to: until then each of them would count in quorums and bring nothing.
func (h *Host) votersCaughtUp(o *operation, target []wire.Member) bool {
	for _, m := range target {
		if m.Role == wire.Voter && !h.view.Membership.IsVoter(m.ID) && h.core.Match(m.ID) < o.goal {
			return false
		}
	}
	return true
}

// answeredSince says whether all who are to vote from now on have answered since the operation
// was first looked at: one that was there a moment ago may have left since, as windows do,
// and its vote would be waited for.
func (h *Host) answeredSince(o *operation, target []wire.Member) bool {
	for _, p := range h.core.Status().Peers {
		promoted := slices.ContainsFunc(target, func(m wire.Member) bool { return m.ID == p.ID && m.Role == wire.Voter })
		if promoted && !h.view.Membership.IsVoter(p.ID) && p.SinceContact >= h.now-o.since {
			return false
		}
	}
	return true
}

// cautionAgainst is why these should not be the members.
func (h *Host) cautionAgainst(target []wire.Member) error {
	var voters, away []string
	copies := 0
	for _, m := range target {
		if m.Role != wire.Voter {
			continue
		}
		voters = append(voters, m.Name)
		switch {
		case m.ID == h.card.ID:
			copies++
		case !h.reachable(m.ID):
			away = append(away, m.Name)
		case h.core.Match(m.ID) >= h.logging.committed:
			copies++
		}
	}
	switch {
	case len(voters) == 0:
		return errors.New("no voter would be left, and the cluster would be gone; add another voter first")
	case 2*len(away) >= len(voters):
		return fmt.Errorf("of the voters %s no majority could be reached, and nothing could be written: %s does not answer; bring it back, or remove it first", strings.Join(voters, ", "), strings.Join(away, ", "))
	case copies == 0:
		return fmt.Errorf("none of the voters %s has all that is committed yet; wait until one has caught up", strings.Join(voters, ", "))
	}
	return nil
}

// errSilent says that a member has not been heard of lately.
var errSilent = errors.New("does not answer")

// cannotLead is why a member cannot be made to lead.
func (h *Host) cannotLead(id wire.MemberID) error {
	m, in := h.view.Membership.Find(id)
	switch {
	case id == 0:
		return errors.New("there is no other voter who could lead")
	case !in:
		return fmt.Errorf("there is no member %s", id)
	case !h.view.Membership.IsVoter(id):
		return fmt.Errorf("%s is a learner; promote it first", h.called(id))
	case id != h.card.ID && !h.reachable(id):
		return fmt.Errorf("%s at %s %w", h.called(id), m.Addr, errSilent)
	}
	return nil
}

// withRole gives a member another role.
func withRole(members []wire.Member, id wire.MemberID, role wire.Role) ([]wire.Member, error) {
	for _, m := range members {
		if m.ID == id {
			m.Role = role
			return replace(members, m, id)
		}
	}
	return nil, fmt.Errorf("there is no member %s; somebody may have removed it", id)
}
