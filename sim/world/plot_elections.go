package world

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// longTail makes a deposed leader's log longer than its successor's: the leader is cut
// off together with callers who go on proposing on it, the others elect one that commits
// little. Then that one goes, at once, and who was cut off campaigns.
func (p *plot) longTail() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	old := p.leader(p.all())
	voters := p.voters(old)
	others := rest(voters, old)
	with := p.some(others, d.IntN((len(voters)+1)/2)) // a minority, together with the old one
	if 2*(len(with)+1) >= len(voters) {
		with = nil
	}
	side := append([]*seat{old}, with...)
	p.cutOff(side...)
	p.keepProposing(old, timeout+d.between(0, timeout))
	others = rest(others, with...)
	successor := p.leader(others)
	p.commit(successor, d.number(0, 2))
	switch d.IntN(4) {
	case 0:
		p.kill(d.one(2), successor)
	case 1:
		p.cutOff(successor)
	case 2:
		p.meetAgain(side, others)
		p.kill(d.one(2), old) // as its tail is being replaced
		p.pause(d.between(0, 20*time.Millisecond))
		p.release()
	}
	p.meetAgain(side, rest(others, successor))
	p.pause(d.between(timeout, 4*timeout))
	p.heal()
	p.release()
	p.leader(p.all())
	if d.one(2) {
		p.kill(d.one(2), old)
		p.pause(d.between(0, 20*time.Millisecond))
	}
}

// meetAgain heals the cuts between two sides, and lets them talk for a moment.
func (p *plot) meetAgain(a, b []*seat) {
	for _, s := range a {
		p.join(s, b...)
	}
	p.pause(p.w.draw.between(0, 30*time.Millisecond))
}

// shortReigns lets one leader after the other append something that reaches few, and go:
// so logs diverge over several terms, and come back (paper §5.4.2, figure 8).
func (p *plot) shortReigns() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	for range d.number(3, 8) {
		leader := p.leader(p.all())
		others := rest(p.voters(leader), leader)
		p.mute(leader, p.some(others, d.IntN(2)), d.number(1, 3))
		p.propose(leader, d.number(1, 4))
		p.pause(d.between(0, 15*time.Millisecond))
		switch d.IntN(3) {
		case 0:
			p.cutOff(leader)
		default:
			p.kill(d.one(2), leader)
		}
		p.w.network.meddle = nil
		next := p.untilAnotherLeads(leader)
		if d.one(2) {
			p.mute(next, nil, 0)
		}
		if d.one(3) {
			p.pause(d.between(0, timeout/4))
		}
		p.heal()
		p.release()
	}
}

// untilAnotherLeads waits for another leader than that one.
func (p *plot) untilAnotherLeads(old *seat) *seat { return p.leader(rest(p.all(), old)) }

// mute lets so many messages with entries of a leader reach a few members, and nothing
// after them.
func (p *plot) mute(leader *seat, few []*seat, messages int) {
	left := map[string]int{}
	for _, s := range few {
		left[s.addr] = messages
	}
	p.w.network.meddle = func(from, to *transport, m *wire.Message) fate {
		if from.addr != leader.addr || m.Kind != wire.Append {
			return delivered
		}
		if left[to.addr] <= 0 {
			return dropped
		}
		if len(m.Batches) > 0 {
			left[to.addr]--
		}
		return delivered
	}
}

// lateVotes holds back the answers to candidates, so that they come when there is another
// term.
func (p *plot) lateVotes() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	most := d.between(timeout/2, 3*timeout)
	p.w.network.meddle = func(_, _ *transport, m *wire.Message) fate {
		if slices.Contains([]wire.MessageKind{wire.VoteReply, wire.Vote}, m.Kind) && d.one(2) {
			return fate{late: d.between(0, most)}
		}
		return delivered
	}
	p.kill(d.one(2), leader)
	p.pause(d.between(timeout, 6*timeout))
	p.release()
	p.pause(d.between(timeout, 4*timeout))
}

// lateNews holds back what members tell each other about terms, while leadership is handed
// from one to the next: it comes to somebody who is in another role by then.
func (p *plot) lateNews() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	for range d.number(2, 5) {
		share, most := d.number(2, 6), d.between(timeout/4, 2*timeout)
		p.w.network.meddle = func(_, _ *transport, m *wire.Message) fate {
			if tellsOfTerms(m) && d.one(share) {
				return fate{late: d.between(0, most)}
			}
			return delivered
		}
		for range d.number(1, 3) {
			leader := p.leader(p.all())
			others := rest(p.voters(leader), leader)
			if len(others) == 0 {
				return
			}
			to := pick(d, others)
			p.read(to)
			p.propose(to, d.number(0, 2))
			p.handOver(leader, to)
			p.pause(d.between(0, timeout/4))
			p.read(leader)
		}
		if d.one(2) {
			p.kill(d.one(2), p.leader(p.all()))
			p.pause(d.between(0, timeout))
			p.release()
		}
	}
}

// tellsOfTerms says whether a message may be heard as news of a term.
func tellsOfTerms(m *wire.Message) bool {
	switch m.Kind {
	case wire.PreVote, wire.PreVoteReply, wire.Vote, wire.VoteReply, wire.ReadIndex, wire.ReadIndexReply, wire.TimeoutNow:
		return true
	case wire.Append:
		return len(m.Batches) == 0
	case wire.AppendReply:
		return m.Reject
	}
	return false
}
