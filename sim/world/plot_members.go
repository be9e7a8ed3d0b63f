package world

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// jointCut begins a change to few voters, and cuts the new majority off from the old one
// while the change is under way. Neither side may decide alone; what the one began, the
// other overrides.
func (p *plot) jointCut() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	members := leader.process.status.Core.Membership
	voters := p.voters(leader)
	p.w.recountLost()
	if len(voters) < 3 || members.Joint() || p.w.lost > 0 {
		return
	}
	stay := append(p.some(rest(voters, leader), d.IntN((len(voters)+1)/2)), leader)
	if d.one(4) {
		stay = p.some(rest(voters, leader), d.number(1, len(voters)/2)) // the leader goes, too
	}
	few := withVotes(members, stay)
	side := append(slices.Clone(stay), leader)
	near := rest(side, leader)
	before := d.one(2)
	if before {
		p.cutOff(side...)
	}
	p.ask(leader, few)
	if d.one(3) {
		p.ask(leader, withVotes(members, p.some(stay, 1)))
	}
	p.until(timeout/2, func() bool { return leader.process == nil || leader.process.status.Core.Membership.Joint() })
	p.pause(d.between(0, 4*time.Millisecond))
	switch {
	case before:
	case d.one(3):
		p.kill(d.one(2), leader)
	case d.one(2):
		p.cutOff(leader)
	default:
		p.cutOff(side...)
	}
	if d.one(2) && leader.process != nil {
		leader.process.host.TakeSnapshot(func(error) {}) // while a later membership is in its log
	}
	for _, s := range append(near, leader) {
		p.propose(s, d.number(0, 2))
	}
	others := rest(voters, side...)
	p.until(d.between(timeout, 6*timeout), func() bool { return newestLeader(others) != nil })
	if next := newestLeader(others); next != nil {
		p.propose(next, d.number(0, 3))
		p.pause(d.between(0, timeout))
		if d.one(2) {
			p.kill(d.one(2), next)
		}
	}
	p.heal()
	if d.one(2) {
		p.kill(d.one(2), p.some(side, 1)...)
		p.pause(d.between(0, 30*time.Millisecond))
	}
	p.release()
	next := p.leader(p.all())
	p.commit(next, 1)
	p.ask(next, members.Members) // as it was
	p.pause(d.between(0, 2*timeout))
}

// withVotes is a list of members in which only those on some seats vote.
func withVotes(m wire.Membership, seats []*seat) (list []wire.Member) {
	for _, a := range m.Members {
		a.Role = wire.Learner
		if slices.ContainsFunc(seats, func(s *seat) bool { return s.id == a.ID }) {
			a.Role = wire.Voter
		}
		list = append(list, a)
	}
	return list
}

// ask has a member set the members. Whoever asks may give up.
func (p *plot) ask(on *seat, members []wire.Member) {
	if on.process != nil && !on.process.asleep {
		on.process.control(host.Command{Op: host.SetMembers, Members: members, Force: true}, nil)
	}
}
