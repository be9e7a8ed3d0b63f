package world

import (
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
)

// hashEvery is how many entries lie between two comparisons of states. Worlds are short.
const hashEvery = 16

// hash is what the machine says that its state is.
func (m *machine) hash() uint64 {
	if m.seat.w.odd[m.seat.id] {
		return ^m.digest
	}
	return m.digest
}

// oddState has a member's state differ from then on from what its commands have made of
// others', as if its machine had looked at a clock of its own. Most others know better. It
// is one that they can do without: it is to stop, and its disk to be wiped.
func (p *plot) oddState() {
	w := p.w
	leader := p.leader(p.all())
	one := pick(w.draw, p.voters(leader))
	w.recountLost()
	if w.lost > 0 || one.rotten != 0 || one.process == nil || !w.canDoWithout(one.id) {
		return
	}
	id := one.id
	w.trace.line(one.name, "has a state of its own")
	w.count("odd-state")
	w.odd[id] = true
	w.lost++
	p.keepProposing(leader, p.patient())
	p.until(p.patient(), func() bool { return one.id != id })
}

// judgeDivergence: states that differ are found where they do, and nobody else is accused.
func (p *process) judgeDivergence(e host.Event) {
	if e.Member == 0 && len(p.w.odd) > 0 || p.w.odd[e.Member] {
		p.w.count("diverged-" + map[bool]string{true: "undecided", false: "found"}[e.Member == 0])
		return
	}
	broken("%s finds the state of %s to differ, and it does not: %v", p.seat.name, e.Member, e.Err)
}

// mustBeFoundOut: a member whose state differs does not live on beside a majority of all
// members that know better.
func (w *World) mustBeFoundOut() {
	if w.oddest() == nil || !w.oddInMinority() {
		return
	}
	w.mustBecome(func() string {
		one := w.oddest()
		if one == nil {
			return w.unwell()
		}
		for _, s := range w.sound() {
			if s.process.status.Core.Role == raft.Leader {
				s.process.propose(1)
			}
		}
		return one.name + " lives on with a state of its own"
	})
}

// oddest is a seat whose member has a state of its own, nil if there is none.
func (w *World) oddest() *seat {
	for _, s := range w.sound() {
		if w.odd[s.id] && !s.process.status.Removed {
			return s
		}
	}
	return nil
}

// oddInMinority says whether a majority of all members is well, and not odd.
func (w *World) oddInMinority() bool {
	for _, s := range w.sound() {
		knowing, members := 0, s.process.status.Core.Membership.All()
		for _, m := range members {
			for _, other := range w.sound() {
				if other.id == m.ID && !w.odd[m.ID] {
					knowing++
				}
			}
		}
		if 2*knowing <= len(members) {
			return false
		}
	}
	return true
}
