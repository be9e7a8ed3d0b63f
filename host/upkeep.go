package host

import (
	"errors"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Leadership moves by itself for two reasons: away from a leader whose disk is slow, and
// towards a member that is preferred.
//
// A slow disk of a leader costs more than one of a follower: what it proposes waits for the
// disk before it is sent, batch after batch. That it is slow, and not only busy, shows by the
// others, who have the same entries on their disks before it has.
//
// A preferred member asks the leader to hand over to it. It does not while its own disk is
// slow, and a leader that is preferred, too, stays.

// upkeep is what moves leadership.
type upkeep struct {
	began     time.Duration // the flush that is under way or was the last
	upTo      wire.Index    // the last entry in it
	ended     bool          // and has not been looked at
	slowAt    time.Duration // when a flush took too long last, 0 for never
	late      int           // flushes in a row that took too long, while the others had them
	lateSince time.Duration
	leftAt    time.Duration // when leadership was handed over for that, 0 for never
	seekAt    time.Duration // when to ask for leadership, 0 while there is no reason to
	seeking   bool          // it was asked for
}

const (
	// lateFlushes and lateFor are how many flushes in a row, over how long, make a disk a slow
	// one.
	lateFlushes = 5
	lateFor     = 3 * time.Second
	// leaveAgain is how long a member stays that leads again after its disk was slow, and for
	// how long after its last slow flush one does not seek leadership.
	leaveAgain = time.Minute
	// seekEvery is how often a preferred member asks for leadership.
	seekEvery = 10 * time.Second
)

// flushBegins and flushEnds are told of each write of the log.
func (u *upkeep) flushBegins(now time.Duration, upTo wire.Index) { u.began, u.upTo = now, upTo }
func (u *upkeep) flushEnds()                                     { u.ended = true }

func (h *Host) turnUpkeep() {
	if h.upkeep.ended {
		h.upkeep.ended = false
		h.judgeDisk(h.now - h.upkeep.began)
	}
	h.seekLeadership()
}

// judgeDisk looks at how long a flush took.
func (h *Host) judgeDisk(took time.Duration) {
	u := &h.upkeep
	if h.cfg.SlowDisk <= 0 {
		return
	}
	slow := took >= h.cfg.SlowDisk
	if slow {
		u.slowAt = h.now
	}
	if !slow || h.view.Role != raft.Leader || !h.othersHave(u.upTo) {
		u.late = 0
		return
	}
	if u.late == 0 {
		u.lateSince = h.now
	}
	u.late++
	if u.late < lateFlushes || h.now < u.lateSince+lateFor || u.leftAt != 0 && h.now < u.leftAt+leaveAgain {
		return
	}
	to := h.mostUpToDate()
	if to == 0 || h.cannotLead(to) != nil {
		return
	}
	h.cfg.Logger.Warn("leadership is handed over, because this member's disk is slow", "peer", to, "took", took)
	u.leftAt, u.late = h.now, 0
	if h.core.Transfer(h.now, to) == nil {
		h.execute(nil)
	}
}

// othersHave says whether so many other voters have an entry on their disks that this
// leader's own was not waited for.
func (h *Host) othersHave(index wire.Index) bool {
	voters := h.view.Membership.Voters()
	have := 0
	for _, id := range voters {
		if id != h.card.ID && h.core.Match(id) >= index {
			have++
		}
	}
	return 2*have > len(voters)
}

// seekLeadership lets a preferred member ask for leadership.
func (h *Host) seekLeadership() {
	u := &h.upkeep
	slow := u.slowAt != 0 && h.now < u.slowAt+leaveAgain
	if !h.cfg.Preferred || h.view.Leader == 0 || h.view.Leader == h.card.ID || h.standing.removed || slow || !h.view.Membership.IsVoter(h.card.ID) {
		u.seekAt = 0
		return
	}
	if u.seekAt != 0 && h.now < u.seekAt {
		return
	}
	if u.seekAt != 0 && !u.seeking {
		u.seeking = true
		h.request(h.cfg.Random(), Command{Op: prefer, Member: wire.Member{ID: h.card.ID}}, func(_ []Progress, err error) {
			u.seeking = false
			if err != nil {
				h.cfg.Logger.Debug("this member is preferred, and does not lead", "error", err)
			}
		})
	}
	u.seekAt = h.now + seekEvery
}

// upkeepDue is when seekLeadership has something to do.
func (h *Host) upkeepDue() time.Duration {
	if h.upkeep.seekAt == 0 {
		return never
	}
	return h.upkeep.seekAt
}

// carryOutPreference hands over to a member that is preferred, if it can take over at once.
func (h *Host) carryOutPreference(o *operation) (done bool, err error) {
	to := o.command.Member.ID
	switch {
	case to == h.card.ID || o.started:
	case h.cfg.Preferred:
		return true, errors.New("the leader is preferred, too")
	case h.cannotLead(to) != nil:
		return true, h.cannotLead(to)
	case h.core.Match(to) < h.logging.committed:
		return true, errors.New("it has not caught up")
	}
	return h.carryOutTransfer(o)
}
