package world

import (
	"slices"
	"time"
)

// acknowledgedCrash cuts the power of a majority, or of all, right after a command was
// acknowledged.
func (p *plot) acknowledgedCrash() {
	d := p.w.draw
	for range d.number(1, 3) {
		leader := p.leader(p.all())
		voters := p.voters(leader)
		known := p.w.judge.floor
		p.propose(leader, d.number(1, 3))
		p.until(p.patient()/2, func() bool { return p.w.judge.floor > known })
		hit := append(p.some(rest(voters, leader), d.number(len(voters)/2, len(voters))), leader)
		p.kill(true, hit...)
		p.pause(d.between(0, 50*time.Millisecond))
		p.release()
		p.up(hit)
	}
}

// crashTwice lets processes die in the middle of what they write, start again on what their
// system still has of it, and lose their power once they have acted on that.
func (p *plot) crashTwice() {
	d := p.w.draw
	leader := p.leader(p.all())
	hit := p.some(p.voters(leader), d.number(1, 7))
	p.propose(leader, d.number(1, 5))
	for _, s := range hit {
		s.dieAfter = d.IntN(6)
	}
	p.propose(leader, d.number(1, 5))
	p.pause(d.between(0, 6*time.Millisecond))
	p.kill(false, hit...)
	p.release()
	p.up(hit)
	p.pause(d.between(0, 40*time.Millisecond))
	if d.one(2) {
		p.until(p.patient()/2, func() bool { return newestLeader(p.all()) != nil })
		p.propose(p.leader(p.all()), 1)
		p.pause(d.between(0, 10*time.Millisecond))
	}
	p.kill(true, hit...)
	p.release()
	p.up(hit)
}

// snapshotOnTail sends a snapshot to a deposed leader whose log has a long conflicting tail,
// which may reach beyond it, and lets it die between the steps of taking it.
func (p *plot) snapshotOnTail() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	old := p.leader(p.all())
	others := rest(p.voters(old), old)
	if len(others) < 2 {
		return
	}
	p.cutOff(old)
	p.keepProposing(old, timeout+d.between(0, timeout/2))
	if d.one(3) {
		p.kill(d.one(2), old) // it starts with its tail
		p.release()
	}
	leader := p.leader(others)
	for range p.w.shape.keepSnapshots + d.IntN(2) {
		p.commit(leader, d.number(1, 2))
		p.snapshot(leader)
	}
	p.heal()
	for range d.number(1, 3) {
		p.pause(d.between(0, 30*time.Millisecond))
		old.dieAfter = d.IntN(20)
		p.propose(leader, d.IntN(2))
		p.pause(d.between(0, 20*time.Millisecond))
		old.dieAfter = -1
		p.kill(d.one(2), old)
		p.cutOffNowAndThen(old)
		p.release()
		p.up([]*seat{old})
		p.pause(d.between(0, 10*time.Millisecond))
		p.heal()
	}
	p.pause(d.between(0, timeout))
}

func (p *plot) cutOffNowAndThen(s *seat) {
	if p.w.draw.one(3) {
		p.cutOff(s)
	}
}

// snapshot has a member take one, and waits for it.
func (p *plot) snapshot(of *seat) {
	if of.process == nil || of.process.asleep {
		return
	}
	done := false
	of.process.host.TakeSnapshot(func(error) { done = true })
	of.process.wake()
	p.until(p.patient()/2, func() bool { return done })
}

// outdone says whether all others have on disk what this member has.
func (s *seat) outdone(others []*seat) bool {
	if s.process == nil {
		return false
	}
	own := s.process.host.Status().Core
	return !slices.ContainsFunc(others, func(o *seat) bool {
		if o.process == nil {
			return true
		}
		c := o.process.host.Status().Core
		return c.Durable < own.Last.Index || c.Last.Term != own.Last.Term
	})
}

// rolledBack puts a member's disk back to what it was a while ago. What it forgets all
// others have, and it has neither voted since nor promised its vote: else nobody could
// promise anything.
func (p *plot) rolledBack() {
	w, d := p.w, p.w.draw
	leader := p.leader(p.all())
	one := pick(d, p.voters(leader))
	may := func() bool {
		w.recountLost()
		return w.lost == 0 && one.rotten == 0 && one.process != nil && w.canDoWithout(one.id)
	}
	if !p.until(2*time.Second, may) || !leader.leads() {
		return
	}
	id, voted, leases := one.id, w.judge.terms[one.id], w.judge.leases[one.id]
	one.dieAfter = -1 // these operations are not its own
	image, state := one.disk.Image(d.Uint64()), one.kept
	for range d.number(1, 10) {
		p.commit(leader, d.number(1, 3))
	}
	// Who votes may have changed meanwhile.
	others := func() []*seat { return rest(p.voters(leader), one) }
	if !p.until(time.Second, func() bool { return one.outdone(others()) }) || one.id != id || w.judge.terms[id] != voted || w.judge.leases[id] != leases || !w.canDoWithout(id) {
		return
	}
	w.recountLost()
	if w.lost > 0 {
		return
	}
	w.trace.line(one.name, "has its disk rolled back")
	w.count("rolled-back")
	w.judge.rules.excused[id] = true
	one.rotten = id
	w.lost++
	one.process.die(true, "and its disk goes back")
	one.exchangeDisk(image)
	one.kept = state
	p.until(p.patient(), func() bool { return one.process != nil })
}
