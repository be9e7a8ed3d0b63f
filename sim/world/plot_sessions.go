package world

// lostSession cuts a member off for so long, by the log's time, that its session expires,
// and lets it come back to what others have done meanwhile: most often to a snapshot that
// stands for it. It has sent commands under that session which ran, or did not, or came too
// late; others that it has not sent; and its callers go on proposing as soon as they hear.
func (p *plot) lostSession() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	others := rest(p.voters(leader), leader)
	if len(others) < 2 {
		return
	}
	far := pick(d, others)
	p.propose(far, 1) // under a session that is open from then on
	p.until(timeout, func() bool { return far.process != nil && len(far.process.calls.open) == 0 })
	p.propose(far, d.number(1, 3))
	p.pause(d.between(0, 3*p.w.network.weather.maxDelay))
	p.cutOff(far)
	p.propose(far, d.IntN(3))
	p.pause(d.between(0, 2*timeout))
	p.propose(far, d.IntN(3)) // perhaps it knows by now that there is nobody to send it to
	leader = p.leader(rest(p.all(), far))
	leader.clock.skew += p.w.shape.sessionTTL + p.w.shape.raft.ElectionTimeout
	p.w.count("session-outlived")
	if d.one(4) {
		p.commit(leader, 1) // its log stands for itself
	} else {
		// With the first of these a session is opened, which sweeps out the others.
		for range p.w.shape.keepSnapshots + 1 {
			p.commit(leader, d.number(1, 3))
			p.snapshot(leader)
		}
	}
	if d.one(2) {
		p.burden(far, d.between(0, timeout))
	}
	p.heal()
	p.keepProposing(far, 2*timeout)
}
