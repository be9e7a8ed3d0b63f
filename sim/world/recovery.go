package world

import (
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// patience is how long a world without troubles may take until all is well.
const patience = 60 * time.Second

// recover is the second act: the troubles end, or those of a quorum do, and all must be
// well within a bounded time, twice: for what was asked before, and for what is asked
// then. At last all lose their power at once, and nothing may be missing.
func (w *World) recover() {
	w.acting = false
	w.endPlot()
	w.trace.line("", "the troubles end")
	w.chooseIsolated()
	w.endTroubles()
	w.upgradeAll()
	w.mustBecome(w.unwell)
	w.mustBeFoundOut()
	w.mustRise()
	for _, s := range w.sound() {
		s.process.propose(1)
		s.process.ask(host.ReadRequest{Level: host.Linearizable})
	}
	w.mustBecome(w.unwell)
	if w.draw.one(3) {
		w.trace.line("", "all lose their power")
		for _, s := range w.running() {
			s.process.die(true, "at the end")
		}
		w.mustBecome(w.unwell)
	}
	w.mustBecome(w.overgrown)
	for _, s := range w.sound() {
		if m := s.process.machine; m.count < w.judge.floor && !s.process.status.Removed {
			broken("%s has %d commands at the end, but %d were acknowledged", s.name, m.count, w.judge.floor)
		}
	}
}

// overgrown says which log is too long: what a member keeps of its log is bounded by what
// the snapshots ask for. One that cannot be reached may hold compaction up for a while; and
// a backlog of any size that was applied between two snapshots, as while a backup was being
// restored, stays as long as the older one is kept, and the first until there are as many
// as are kept.
func (w *World) overgrown() string {
	const atOnce = 4 << 20 // a member that has lagged applies so much between two snapshots
	s := &w.shape
	bound := int64(s.keepSnapshots+2)*(s.snapshotBytes+atOnce) + 16*s.segmentBytes
	for _, seat := range w.sound() {
		if bytes := seat.process.status.LogBytes; bytes > bound && !seat.process.status.Removed && !slices.ContainsFunc(w.seats, isIsolated) && !seat.process.beginsAtASnapshot() && !seat.process.holdsAFew() {
			return fmt.Sprintf("the log of %s has %d bytes after %s, though a snapshot is due after %d and %d are kept; the newest is at %s",
				seat.name, bytes, seat.process.status.LogStart, s.snapshotBytes, s.keepSnapshots, seat.process.status.Snapshot)
		}
	}
	return ""
}

// beginsAtASnapshot says whether the log begins at a snapshot that is not the newest: the
// oldest there is, or one that came from another member, with whose installation the log began
// anew.
func (p *process) beginsAtASnapshot() bool {
	for _, meta := range p.host.Snapshots().All() {
		if meta.Pos == p.status.LogStart && meta.Pos != p.status.Snapshot {
			return true
		}
	}
	return false
}

// holdsAFew says whether there are some snapshots, not yet as many as are kept, of which the
// newest stands for nearly all of the log.
func (p *process) holdsAFew() bool {
	const few = 64 // entries, which are due for no snapshot
	have := len(p.host.Snapshots().All())
	return have > 0 && have < p.w.shape.keepSnapshots && p.status.Applied.Index <= p.status.Snapshot.Index+few
}

func isIsolated(s *seat) bool { return s.isolated }

// endTroubles ends all troubles but those of the isolated.
func (w *World) endTroubles() {
	w.network.weather = fair
	clear(w.network.cut)
	for _, s := range w.seats {
		if s.isolated {
			w.isolate(s)
			continue
		}
		s.heal()
		if s.process == nil {
			s.startLater(w.draw.between(0, 100*time.Millisecond))
		} else {
			s.process.awake()
		}
	}
}

// isolate leaves a member in trouble: dead, cut off in one direction or in both.
func (w *World) isolate(s *seat) {
	way := w.draw.IntN(4)
	w.trace.line(s.name, "stays in trouble: %s", []string{"dead", "deaf", "dumb", "cut off"}[way])
	if way == 0 {
		s.retired = true
		if s.process != nil {
			s.process.die(true, "for good")
		}
		return
	}
	for _, o := range w.seats {
		if way != 1 {
			w.cut(s, o)
		}
		if way != 2 {
			w.cut(o, s)
		}
	}
	if s.process != nil {
		s.process.awake()
	}
}

// chooseIsolated draws who stays in trouble, if a quorum is left of each membership that
// anybody holds.
func (w *World) chooseIsolated() {
	if w.mode != Liveness {
		return
	}
	for range w.draw.number(1, 3) {
		s := pick(w.draw, w.seats)
		s.isolated = true
		if !w.quorumSound() {
			s.isolated = false
		}
	}
}

// quorumSound says whether each membership that a running member holds has a quorum of
// members that live somewhere and are not isolated.
func (w *World) quorumSound() bool {
	alive := map[wire.MemberID]bool{}
	for _, s := range w.seats {
		alive[s.id] = !s.isolated && !s.retired && !w.odd[s.id]
	}
	majority := func(ids []wire.MemberID) bool {
		n := 0
		for _, id := range ids {
			if alive[id] {
				n++
			}
		}
		return n > len(ids)/2
	}
	for _, s := range w.seats {
		if len(w.judge.entries) == 0 && (s.isolated || s.retired) {
			return false // all founders must meet to found the cluster
		}
		if s.process == nil {
			if !s.retired {
				return false // who knows what it holds
			}
			continue
		}
		if m := s.process.status.Core.Membership; !m.Empty() && (!majority(m.Voters()) || m.Joint() && !majority(m.OutgoingVoters())) {
			return false
		}
	}
	return true
}

// sound are the seats that must be well in the end.
func (w *World) sound() (list []*seat) {
	for _, s := range w.running() {
		if !s.isolated && !s.retired {
			list = append(list, s)
		}
	}
	return list
}

// mustBecome plays on until nothing is wrong any more.
func (w *World) mustBecome(wrong func() string) {
	end := w.now + patience
	for what := wrong(); what != ""; what = wrong() {
		if w.now > end {
			if !w.quorumSound() {
				w.count("quorum-lost")
				panic(hopeless{})
			}
			broken("%s after the troubles ended: %s", patience, what)
		}
		w.playUntil(w.now + 100*time.Millisecond)
	}
}

// hopeless ends a world in which, by what the callers asked for, no quorum is left.
type hopeless struct{}

// unwell says what is not well yet: one leader, every call answered, every member caught
// up.
func (w *World) unwell() string {
	var leader *process
	for _, s := range w.sound() {
		if s.process.status.Core.Role != raft.Leader {
			continue
		}
		if leader != nil {
			return fmt.Sprintf("%s and %s lead", leader.seat.name, s.name)
		}
		leader = s.process
	}
	if leader == nil {
		return "nobody leads"
	}
	for _, s := range w.seats {
		if s.isolated || s.retired {
			continue
		}
		if s.process == nil {
			return s.name + " does not run"
		}
		if what := s.process.unwell(leader); what != "" {
			return s.name + " " + what
		}
	}
	return ""
}

func (p *process) unwell(leader *process) string {
	s, l := &p.status, &leader.status
	switch {
	case len(p.calls.open) > 0:
		return fmt.Sprintf("owes answers to %v", p.calls.waiting())
	case len(p.readers) > 0 && !s.Removed: // a member at rest has nobody to ask
		return fmt.Sprintf("owes answers to %d reads", len(p.readers))
	case len(p.controls) > 0:
		return fmt.Sprintf("owes answers to %d operations", len(p.controls))
	case s.Removed:
		return ""
	case s.Core.ID == 0:
		return "belongs to no cluster"
	case s.Card.Cluster != l.Card.Cluster:
		return "belongs to another cluster"
	case s.Core.Leader != l.Core.ID:
		return fmt.Sprintf("follows %s and not %s", s.Core.Leader, l.Core.ID)
	case s.Applied.Index != l.Core.Last.Index:
		return fmt.Sprintf("has applied %s of %s", s.Applied, l.Core.Last)
	case !s.Core.Membership.Equal(l.Core.Membership):
		return fmt.Sprintf("takes %s for the members, and not %s", s.Core.Membership, l.Core.Membership)
	}
	return ""
}
