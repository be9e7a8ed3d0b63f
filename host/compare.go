package host

import (
	"errors"
	"fmt"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// Members that apply the same entries have the same state, if the state machine looks at
// nothing else. One that does makes members differ, and each would answer from a state of
// its own. So each hashes its state at the same entries and tells the leader. A member
// that has another hash than a majority of all members have stops, and its files stay as
// they are: they show what happened. Without such a majority nobody can tell who is
// right, so that all go on, and say so.

// HashEvery is how many entries lie between two hashes of the state. All members of a
// cluster must agree on it.
const HashEvery = 1024

// ErrDiverged says that this member's state differs from that of most members.
var ErrDiverged = errors.New("the state of this member differs from that of the others")

// errUndecided says that members differ, and no majority agrees.
var errUndecided = errors.New("the members' states differ, and no majority agrees on one")

// StateHash is what a state hashes to right after an entry.
type StateHash struct {
	Index wire.Index
	Hash  uint64
}

// comparing is what members said of their states: on a leader of all, else of this member
// alone. It holds the last comparisons of any: a member that lags behind the window is
// compared once it has caught up.
type comparing struct {
	rounds [comparedRounds]comparison
	own    StateHash // this member's newest
	differ differences
}

// comparedRounds is how many comparisons are open at a time. One task of a member that
// has to catch up may apply many thousands of entries.
const comparedRounds = 64

// comparison is what states hash to after one entry.
type comparison struct {
	index     wire.Index
	said      []said // by member, each once
	undecided bool   // and that was said
}

type said struct {
	id   wire.MemberID
	hash uint64
	told bool // that it differs; again at the next comparison, should it not have heard
}

// note takes a member's hash, and says which comparison that is a part of; nil if it
// changes nothing. Newer comparisons replace older ones.
func (c *comparing) note(id wire.MemberID, s StateHash, every wire.Index) *comparison {
	r := &c.rounds[s.Index/every%comparedRounds]
	switch {
	case s.Index < r.index || s.Index%every != 0:
		return nil
	case s.Index > r.index:
		*r = comparison{index: s.Index, said: r.said[:0]}
	}
	for i := range r.said {
		if one := &r.said[i]; one.id == id {
			if one.hash == s.Hash {
				return nil
			}
			*one = said{id: id, hash: s.Hash}
			return r
		}
	}
	r.said = append(r.said, said{id: id, hash: s.Hash})
	return r
}

// at is the comparison after an entry, nil if there is none or it is forgotten.
func (c *comparing) at(index, every wire.Index) *comparison {
	if r := &c.rounds[index/every%comparedRounds]; r.index == index {
		return r
	}
	return nil
}

// of is what a member's state hashed to after an entry, if that is still known.
func (c *comparing) of(id wire.MemberID, index, every wire.Index) (uint64, bool) {
	if r := c.at(index, every); r != nil {
		for _, one := range r.said {
			if one.id == id {
				return one.hash, true
			}
		}
	}
	return 0, false
}

// majority is the hash that more than half of so many members have. If there is one, it
// is what is left when different ones are struck out in pairs (Boyer and Moore).
func (r *comparison) majority(members int) (hash uint64, found bool) {
	left := 0
	for _, one := range r.said {
		switch {
		case left == 0:
			hash, left = one.hash, 1
		case one.hash == hash:
			left++
		default:
			left--
		}
	}
	have := 0
	for _, one := range r.said {
		if one.hash == hash {
			have++
		}
	}
	return hash, 2*have > members
}

// unanimous says whether all who said something said the same.
func (r *comparison) unanimous() bool {
	for _, one := range r.said {
		if one.hash != r.said[0].hash {
			return false
		}
	}
	return true
}

// hashed takes this member's own hashes, in order.
func (h *Host) hashed(all []StateHash) {
	for _, s := range all {
		h.compare.own = s
		h.compareWith(h.card.ID, s)
		if h.err != nil {
			return
		}
		h.judge(h.compare.at(s.Index-h.cfg.HashEvery, h.cfg.HashEvery)) // whoever was silent there may be so for long
		h.tellHash()
	}
}

// tellHash tells the leader what this member's state hashed to last.
func (h *Host) tellHash() {
	own := h.compare.own
	if own.Index == 0 || h.view.Leader == 0 || h.view.Leader == h.card.ID {
		return
	}
	h.cfg.Transport.Send(h.contact.peer(h.view.Leader), &wire.Message{
		Kind: wire.StateHash, From: h.card.ID, To: h.view.Leader, Term: h.view.Term, Index: own.Index, ID: own.Hash,
	})
}

// onStateHash hears what a member's state hashes to.
func (h *Host) onStateHash(m *wire.Message) {
	if h.view.Role == raft.Leader && m.Index <= h.log.Last().Index {
		h.compareWith(m.From, StateHash{m.Index, m.ID})
	}
}

// compareWith compares one more hash.
func (h *Host) compareWith(id wire.MemberID, s StateHash) {
	h.judge(h.compare.note(id, s, h.cfg.HashEvery))
}

// judge lets a leader look at a comparison, of which something has changed.
func (h *Host) judge(r *comparison) {
	if r == nil || h.view.Role != raft.Leader {
		return
	}
	members := h.view.Membership.All()
	r.keep(members)
	hash, found := r.majority(len(members))
	if found {
		h.compare.differ.settle(r, hash)
	}
	switch {
	case r.unanimous():
	case found:
		h.tellMinority(r, hash)
	case !r.undecided && (len(r.said) == len(members) || r.index < h.compare.own.Index):
		r.undecided = true
		h.tellUndecided(r)
	}
}

// keep forgets what others than the members have said.
func (r *comparison) keep(members []wire.Member) {
	kept := r.said[:0]
	for _, one := range r.said {
		for _, m := range members {
			if m.ID == one.id {
				kept = append(kept, one)
			}
		}
	}
	r.said = kept
}

// tellMinority tells each member whose hash is not that of the majority. A leader that
// is one of them stops after that: the next one has the majority's state.
func (h *Host) tellMinority(r *comparison, hash uint64) {
	var self error
	for i := range r.said {
		one := &r.said[i]
		if one.told || one.hash == hash {
			continue
		}
		one.told = true
		err := divergence(r.index, one.hash, hash)
		h.diverged(one.id, difference{with: one.id, index: r.index, err: err})
		if one.id == h.card.ID {
			self = err
			continue
		}
		h.tellDiverged(one.id, wire.Message{Index: r.index, ID: hash})
	}
	if self != nil {
		h.stopDiverged(r.index, self)
	}
}

// tellUndecided says that all are heard and no majority agrees.
func (h *Host) tellUndecided(r *comparison) {
	hash, own := h.compare.of(h.card.ID, r.index, h.cfg.HashEvery)
	for _, one := range r.said {
		if own && one.id != h.card.ID && one.hash != hash {
			err := fmt.Errorf("%w: after entry %d that of this one hashes to %016x, and that of %s to %016x", errUndecided, r.index, hash, h.called(one.id), one.hash)
			h.diverged(0, difference{with: one.id, index: r.index, err: err})
			h.tellDiverged(one.id, wire.Message{Reject: true, Index: r.index, ID: hash})
		}
	}
}

func divergence(index wire.Index, own, most uint64) error {
	return fmt.Errorf("after entry %d it hashes to %016x, and that of most members to %016x", index, own, most)
}

func (h *Host) tellDiverged(to wire.MemberID, m wire.Message) {
	m.Kind, m.From, m.To, m.Term = wire.Diverged, h.card.ID, to, h.view.Term
	h.cfg.Transport.Send(h.contact.peer(to), &m)
}

// called is a member for people.
func (h *Host) called(id wire.MemberID) string {
	m, _ := h.view.Membership.Find(id)
	return fmt.Sprintf("member %s (%s)", m.Name, id)
}

// diverged says that the state of a member differs, 0 if it is not known of which.
func (h *Host) diverged(id wire.MemberID, d difference) {
	if id != 0 {
		d.err = fmt.Errorf("%s: %w", h.called(id), d.err)
	}
	h.cfg.Logger.Error("members have different states: Apply must follow from the commands alone", "peer", id, "index", d.index, "error", d.err)
	h.compare.differ.note(d)
	h.event(Event{Kind: Diverged, Member: id, Index: d.index, Err: d.err})
}

// onDiverged hears from the leader that this member's state differs.
func (h *Host) onDiverged(m *wire.Message) {
	own, known := h.compare.of(h.card.ID, m.Index, h.cfg.HashEvery)
	switch {
	case m.From != h.view.Leader || m.Term != h.view.Term || !known || own == m.ID:
	case m.Reject:
		err := fmt.Errorf("%w: after entry %d that of this one hashes to %016x, and the leader's to %016x", errUndecided, m.Index, own, m.ID)
		h.diverged(0, difference{with: m.From, index: m.Index, told: true, err: err})
	default:
		err := divergence(m.Index, own, m.ID)
		h.diverged(h.card.ID, difference{with: h.card.ID, index: m.Index, err: err})
		h.stopDiverged(m.Index, err)
	}
}

// stopDiverged stops this member, and makes the next start refuse.
func (h *Host) stopDiverged(index wire.Index, err error) {
	h.cfg.Identity.Diverged = index
	h.fail(errors.Join(fmt.Errorf("%w: %w; %s", ErrDiverged, err, whenDiverged), identity.Save(h.cfg.Files, h.cfg.Identity)))
}

// whenDiverged says what to do.
const whenDiverged = "find out what in the state machine does not follow from the commands alone (the files are kept for that), then start this member with an empty directory, and it copies the state from the others"

// mayStart refuses a directory whose state is known to differ.
func mayStart(who identity.Identity) error {
	if who.Diverged == 0 {
		return nil
	}
	return fmt.Errorf("%w since entry %d or before; %s", ErrDiverged, who.Diverged, whenDiverged)
}
