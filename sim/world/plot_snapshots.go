package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
)

// overtaken sends a snapshot to a member that takes long to make it its state. Meanwhile
// somebody leads whose log has all that the snapshot stands for, and then perhaps the
// receiver itself: log and snapshot meet when neither needs the other any more.
func (p *plot) overtaken() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	others := rest(p.voters(leader), leader)
	if len(others) < 2 {
		return
	}
	far := pick(d, others)
	p.cutOff(far)
	for range p.w.shape.keepSnapshots + 1 {
		p.commit(leader, d.number(1, 3))
		p.snapshot(leader)
	}
	p.burden(far, d.between(timeout/4, 3*timeout))
	p.heal()
	if !p.until(2*timeout, far.receives) {
		return
	}
	p.pause(d.between(0, 20*time.Millisecond))
	if d.one(3) {
		p.kill(d.one(2), leader)
	} else {
		p.handOver(leader, pick(d, rest(others, far)))
	}
	next := p.leader(rest(p.all(), leader))
	p.propose(next, d.number(0, 3))
	p.until(timeout, func() bool { return far.outdone([]*seat{next}) && next.outdone([]*seat{far}) })
	switch d.IntN(4) {
	case 0:
		p.cutOff(far)
	case 1:
		p.kill(d.one(2), next)
	default:
		p.handOver(next, far)
	}
	p.pause(d.between(0, 3*timeout))
	p.release()
}

// receives says whether a snapshot is on its way to it.
func (s *seat) receives() bool {
	return s.process != nil && !s.process.asleep && hasIncoming(s.process.host.Status().Transfers)
}

func hasIncoming(list []host.SnapshotTransfer) bool {
	for _, t := range list {
		if t.Incoming {
			return true
		}
	}
	return false
}

// burden makes whatever changes the state of a member take long, until the plot is over.
func (p *plot) burden(s *seat, most time.Duration) {
	s.burden = most
	p.slow = append(p.slow, s)
}
