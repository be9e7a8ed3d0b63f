package host

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// ErrRemoved says that the cluster goes on without this member.
var ErrRemoved = errors.New("this member was removed from the cluster")

// Nobody replicates to a member that was removed, so that it may well have missed the
// entry that says so. It would ask for votes for ever; whoever it asks tells it.

// Removed says whether the cluster goes on without this member.
func (h *Host) Removed() bool { return h.standing.removed }

// tellRemoved answers a former member, now and then.
func (h *Host) tellRemoved(id wire.MemberID) {
	const pause = time.Second
	_, current := h.view.Membership.Find(id)
	_, committed := h.applying.membership.Find(id)
	addr := h.contact.addr[id]
	if current || committed || h.applying.membership.Empty() || addr == "" {
		return
	}
	if at, told := h.standing.told[id]; told && h.now < at+pause {
		return
	}
	h.standing.told[id] = h.now
	h.cfg.Transport.Send(wire.Peer{Addr: addr}, &wire.Message{
		Kind: wire.Removed, From: h.card.ID, To: id, Index: h.applying.memberAt,
	})
}

// turnAlone lets a member without a leader that is no voter ask around. It does not
// campaign, so that nobody else would notice that it was removed, and tell it.
func (h *Host) turnAlone() {
	const pause = time.Second
	s := &h.standing
	switch {
	case h.view.Leader != 0 || s.removed || h.view.Membership.IsVoter(h.card.ID):
		s.askAt = 0
	case s.askAt == 0:
		s.askAt = h.now + pause
	case h.now >= s.askAt:
		s.askAt = h.now + pause
		for _, id := range h.contact.ids {
			// Of term 0, so that it moves nobody's term.
			h.cfg.Transport.Send(h.contact.peer(id), &wire.Message{Kind: wire.ReadIndex, From: h.card.ID, To: id, ID: h.cfg.Random()})
		}
	}
}

// aloneDue is when turnAlone has something to do.
func (h *Host) aloneDue() time.Duration {
	if h.standing.askAt == 0 {
		return never
	}
	return h.standing.askAt
}

// onRemoved hears of a membership without this member. It may be the very one that this
// member has in its log, without knowing that it is committed, or in a snapshot, which
// has another index. One that is older than what this member knows was overtaken, and the
// sender lags; unless what this member knows was never committed: it was added by a leader
// that was deposed before the others had heard of it, and they will never know. So it
// introduces itself again.
func (h *Host) onRemoved(from wire.MemberID, at wire.Index) {
	if h.core == nil || h.view.Membership.Empty() {
		return
	}
	_, in := h.view.Membership.Find(h.card.ID)
	switch own := h.core.Status().MembershipAt; {
	case at >= own || !in && own <= h.logging.committed:
		h.retire()
	case own > h.logging.committed:
		h.cfg.Transport.Send(wire.Peer{Addr: h.contact.addr[from]}, &wire.Message{
			Kind: wire.Join, From: h.card.ID, Data: h.card.Append(nil),
		})
	}
}

// noteRemoval looks whether the membership that was just applied is the first one
// without this member.
func (h *Host) noteRemoval() {
	m := h.applying.membership
	_, in := m.Find(h.card.ID)
	_, again := h.view.Membership.Find(h.card.ID) // a later entry may have added it again
	switch {
	case in:
		h.standing.member = true
	case h.standing.member && !again && !m.Joint():
		h.standing.member = false
		h.retire()
	}
}

// retire lets the member rest: it campaigns no more, and what its callers wait for does
// not come from here. If it is added again, the leader's next word wakes it.
func (h *Host) retire() {
	if h.standing.removed {
		return
	}
	h.standing.removed = true
	h.cfg.Logger.Warn("this member was removed from the cluster")
	h.event(Event{Kind: RemovedFromCluster, Err: ErrRemoved})
	for _, r := range h.controls.own {
		r.answer(nil, h.outcomeOfRemoval(r.command))
	}
	h.controls.own = nil
	for _, p := range h.outbox.chunks {
		h.refuse(p)
	}
	h.outbox.chunks = nil
}

// refuse gives up all commands of a parcel.
func (h *Host) refuse(p *parcel) {
	p.state, p.withdrawn = parcelAnswered, p.Count
	for seq := p.First; seq <= p.last(); seq++ {
		h.out.Refused = append(h.out.Refused, Refusal{Seq: seq, Sure: !p.sent, Err: ErrRemoved})
	}
}

// outcomeOfRemoval is what became of an operation that this member asked for: done, if
// its own removal was what it asked for.
func (h *Host) outcomeOfRemoval(c Command) error {
	leaves := c.Op == RemoveMember && c.Member.ID == h.card.ID ||
		c.Op == SetMembers && !slices.ContainsFunc(c.Members, func(m wire.Member) bool { return m.ID == h.card.ID })
	if leaves {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrRefused, ErrRemoved)
}
