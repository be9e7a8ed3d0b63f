package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// handoverRead lets a leader hand over, and hears no more of it: it may not answer reads
// from a lease that binds nobody any more, nor on the strength of answers to questions
// from before.
func (p *plot) handoverRead() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	old := p.leader(p.all())
	others := rest(p.voters(old), old)
	if len(others) == 0 {
		return
	}
	p.leaseReads(old, 3*p.w.shape.raft.Heartbeat)
	told := false
	p.w.network.meddle = func(from, to *transport, m *wire.Message) fate {
		told = told || m.Kind == wire.TimeoutNow
		switch {
		case m.Kind == wire.AppendReply && to.addr == old.addr:
			return fate{late: d.between(0, timeout/4)}
		case told && (to.addr == old.addr || from.addr == old.addr && m.Kind != wire.TimeoutNow):
			return dropped
		}
		return delivered
	}
	if old.process == nil {
		return
	}
	p.read(old)
	to := pick(d, others)
	p.handOver(old, to)
	p.until(timeout, func() bool { return newestLeader(others) != nil })
	next := newestLeader(others)
	if next == nil {
		return
	}
	p.propose(next, 1)
	for end := p.w.now + timeout; p.w.now < end; p.pause(d.between(0, timeout/20)) {
		p.read(old)
		p.propose(next, d.number(0, 1))
	}
}

// leaseReads asks a member for reads of its lease for a while, so that it has one.
func (p *plot) leaseReads(on *seat, d time.Duration) {
	for end := p.w.now + d; p.w.now < end; p.pause(d / 10) {
		p.readLevel(on, host.LeaseRead)
	}
}

// readLevel asks for a read, unless too many wait already.
func (p *plot) readLevel(on *seat, l host.Level) {
	const most = 20
	if on.process != nil && !on.process.asleep && len(on.process.readers) < most {
		on.process.ask(host.ReadRequest{Level: l, Age: p.w.draw.between(0, 200*time.Millisecond)})
	}
}

// driftingLease cuts a leader off that has a lease, with clocks that differ by as much as
// is allowed: its own slow, the others' fast.
func (p *plot) driftingLease() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	old := p.leader(p.all())
	others := rest(p.voters(old), old)
	if len(others) == 0 {
		return
	}
	p.rate(old, slowest)
	for _, s := range others {
		p.rate(s, fastest)
	}
	if d.one(2) {
		p.w.network.meddle = func(_, to *transport, m *wire.Message) fate {
			if m.Kind == wire.AppendReply && to.addr == old.addr {
				return fate{late: d.between(0, timeout/2)}
			}
			return delivered
		}
	}
	p.leaseReads(old, 3*p.w.shape.raft.Heartbeat)
	p.cutOff(old)
	if d.one(3) {
		// Who forgot that it heard a leader must remember what it promised it.
		p.kill(d.one(2), others...)
		p.release()
	}
	p.pause(timeout / 2)
	for end := p.w.now + 2*timeout; p.w.now < end; p.pause(timeout / 400) {
		p.readLevel(old, host.LeaseRead)
		if next := newestLeader(others); next != nil && len(next.process.calls.open) == 0 {
			p.propose(next, 1)
		}
	}
}

// The edges of what a lease allows for: two clocks that differ by a tenth at most.
const slowest, fastest = 950, 1050

// rate sets the rate of a member's clock.
func (p *plot) rate(s *seat, rate int) {
	p.w.count("clock-drifts")
	s.clock.setRate(p.w.now, rate)
	if s.process != nil {
		s.process.wake()
	}
}

// staleStart starts a follower again, of whose earlier life the leader still has marks,
// and cuts it off: it must not date its state by them.
func (p *plot) staleStart() {
	d := p.w.draw
	leader := p.leader(p.all())
	others := rest(p.voters(leader), leader)
	if len(others) == 0 {
		return
	}
	one := pick(d, others)
	p.commit(leader, 1)
	p.kill(d.one(2), one)
	p.w.network.meddle = func(from, _ *transport, m *wire.Message) fate {
		if m.Kind == wire.AppendReply && from.addr == one.addr {
			return dropped
		}
		return delivered
	}
	p.release()
	p.up([]*seat{one})
	p.pause(4 * p.w.shape.raft.Heartbeat)
	p.cutOff(one)
	for range d.number(3, 8) {
		p.commit(leader, 1)
		p.pause(d.between(0, 2*p.w.shape.raft.Heartbeat))
		p.readLevel(one, host.Stale)
		p.readLevel(one, host.Linearizable)
	}
}

// slowLink makes one direction between two members slow, and starts one of them again: what
// its earlier life has said comes afterwards.
func (p *plot) slowLink() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	others := rest(p.voters(leader), leader)
	if len(others) == 0 {
		return
	}
	far, most := pick(d, others), d.between(0, 3*timeout)
	back := d.one(2)
	p.w.network.meddle = func(from, to *transport, _ *wire.Message) fate {
		if from.addr == far.addr && back || to.addr == far.addr && !back {
			return fate{late: d.between(0, most)}
		}
		return delivered
	}
	for range d.number(1, 4) {
		p.propose(leader, d.number(1, 3))
		p.pause(d.between(0, timeout))
		if d.one(2) {
			p.kill(d.one(2), far)
			p.pause(d.between(0, timeout/4))
			p.release()
		}
	}
}
