package world

import (
	"iter"
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
)

// plot is a drama in several steps, which chance alone would hardly play: who is cut off
// when, what is proposed meanwhile, who comes back. It is written as it is played, one
// line after the other: to wait hands the turn to the agenda. At most one is played at a
// time, and it is over when the troubles end.
type plot struct {
	w    *World
	wait func(time.Duration) bool // false: the curtain falls
	cuts []route                  // made by it, and not taken back
	held []*seat                  // kept from starting
	slow []*seat                  // with a burden
}

// curtain unwinds a plot.
type curtain struct{}

// theatre plays the plots that exist, one after the other.
type theatre struct {
	next func() (time.Duration, bool)
	stop func()
}

// stage lets a plot begin, and the next one some time after it has ended.
func (w *World) stage() {
	list := w.faults.plots()
	if !w.acting || len(list) == 0 {
		return
	}
	chosen := pick(w.draw, list)
	w.trace.line("", "plot: %s", chosen.name)
	w.count("plot-" + chosen.name)
	p := &plot{w: w}
	w.theatre.next, w.theatre.stop = iter.Pull(func(yield func(time.Duration) bool) {
		p.wait = yield
		defer p.clear()
		chosen.play(p)
	})
	w.goOn()
}

// goOn plays the plot up to its next wait.
func (w *World) goOn() {
	if w.theatre.next == nil || !w.acting {
		return
	}
	if d, more := w.theatre.next(); more {
		w.after(d, w.goOn)
		return
	}
	w.theatre = theatre{}
	w.after(w.draw.between(0, w.shape.calm), w.stage)
}

// endPlot ends the plot that is under way, wherever it is.
func (w *World) endPlot() {
	if w.theatre.stop != nil {
		w.theatre.stop()
		w.theatre = theatre{}
	}
}

// clear takes back what the plot has done, once it is over or has been given up.
func (p *plot) clear() {
	if v := recover(); v != nil {
		if _, over := v.(curtain); !over {
			panic(v)
		}
	}
	p.w.network.meddle = nil
	for _, s := range p.slow {
		s.burden = 0
	}
	p.heal()
	p.release()
}

// pause lets some time pass.
func (p *plot) pause(d time.Duration) {
	if !p.wait(d) {
		panic(curtain{})
	}
}

// until waits for something to be true, but not longer than that. It says whether it is.
func (p *plot) until(most time.Duration, is func() bool) bool {
	const glance = 500 * time.Microsecond
	for end := p.w.now + most; ; {
		if is() {
			return true
		}
		if p.w.now >= end {
			return false
		}
		p.pause(glance + p.w.draw.between(0, glance))
	}
}

// patient is how long an election may take.
func (p *plot) patient() time.Duration { return 6 * p.w.shape.raft.ElectionTimeout }

// leader waits for a leader among some members. The plot is over if there is none: nothing
// else could come of it.
func (p *plot) leader(among []*seat) *seat {
	var found *seat
	if !p.until(p.patient(), func() bool { found = newestLeader(among); return found != nil }) {
		panic(curtain{})
	}
	return found
}

// newestLeader is who leads in the highest term, nil if nobody does.
func newestLeader(among []*seat) (found *seat) {
	for _, s := range among {
		if s.leads() && (found == nil || s.process.status.Core.Term > found.process.status.Core.Term) {
			found = s
		}
	}
	return found
}

func (s *seat) leads() bool {
	return s.process != nil && !s.process.asleep && s.process.status.Core.Role == raft.Leader
}

// voters are the seats whose members have a vote, as one of them knows.
func (p *plot) voters(of *seat) (list []*seat) {
	if of.process == nil {
		panic(curtain{})
	}
	m := of.process.status.Core.Membership
	for _, s := range p.w.seats {
		if m.IsVoter(s.id) && !s.retired {
			list = append(list, s)
		}
	}
	return list
}

// all are the seats that somebody lives on.
func (p *plot) all() []*seat {
	return slices.DeleteFunc(slices.Clone(p.w.seats), func(s *seat) bool { return s.retired })
}

// rest are the seats of a list that are not in another.
func rest(list []*seat, but ...*seat) []*seat {
	return slices.DeleteFunc(slices.Clone(list), func(s *seat) bool { return slices.Contains(but, s) })
}

// some are so many of a list, by chance.
func (p *plot) some(list []*seat, n int) []*seat {
	list = slices.Clone(list)
	p.w.draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(max(n, 0), len(list))]
}

// cutOff cuts both ways between some members and all others.
func (p *plot) cutOff(side ...*seat) {
	for _, a := range side {
		for _, b := range rest(p.w.seats, side...) {
			p.cut(a, b)
			p.cut(b, a)
		}
	}
}

// cut cuts one direction.
func (p *plot) cut(from, to *seat) {
	if r := (route{from.addr, to.addr}); from != to && !p.w.network.cut[r] {
		p.w.network.cut[r] = true
		p.cuts = append(p.cuts, r)
		p.w.count("plot-cut")
	}
}

// heal takes back the plot's cuts.
func (p *plot) heal() {
	for _, r := range p.cuts {
		delete(p.w.network.cut, r)
	}
	p.cuts = nil
}

// join heals the cuts between one member and others.
func (p *plot) join(one *seat, others ...*seat) {
	p.cuts = slices.DeleteFunc(p.cuts, func(r route) bool {
		for _, o := range others {
			if r == (route{one.addr, o.addr}) || r == (route{o.addr, one.addr}) {
				delete(p.w.network.cut, r)
				return true
			}
		}
		return false
	})
}

// kill ends a member's process, if it runs, and keeps it from starting until release.
func (p *plot) kill(power bool, list ...*seat) {
	for _, s := range list {
		s.held = true
		p.held = append(p.held, s)
		if s.process != nil {
			s.process.die(power, "as a plot wants it")
		}
	}
}

// release lets those start again that were killed.
func (p *plot) release() {
	for _, s := range p.held {
		s.held = false
		if s.process == nil {
			s.startLater(p.w.draw.between(0, 20*time.Millisecond))
		}
	}
	p.held = nil
}

// up waits for all of some members to run.
func (p *plot) up(list []*seat) bool {
	return p.until(time.Second, func() bool {
		return !slices.ContainsFunc(list, func(s *seat) bool { return s.process == nil || s.process.asleep })
	})
}

// handOver has a leader hand over to another.
func (p *plot) handOver(leader, to *seat) {
	if leader.process == nil || leader.process.asleep {
		return
	}
	if m, in := leader.process.status.Core.Membership.Find(to.id); in {
		leader.process.control(host.Command{Op: host.Transfer, Member: m}, nil)
	}
}

// propose makes proposals on a member.
func (p *plot) propose(on *seat, n int) {
	if n > 0 && on.process != nil && !on.process.asleep {
		on.process.propose(n)
	}
}

// keepProposing lets callers go on proposing on a member for a while, one after the other.
func (p *plot) keepProposing(on *seat, d time.Duration) {
	for end := p.w.now + d; p.w.now < end; {
		p.propose(on, p.w.draw.number(1, 3))
		p.pause(p.w.draw.between(d/60, d/20))
	}
}

// commit proposes on a leader and waits until all of its log is committed.
func (p *plot) commit(on *seat, n int) bool {
	p.propose(on, n)
	p.pause(time.Millisecond)
	return p.until(p.patient()/2, func() bool {
		return on.leads() && on.process.status.Core.Committed == on.process.status.Core.Last.Index && on.process.status.Applied.Index == on.process.status.Core.Committed
	})
}

// read asks a member for a read of each level.
func (p *plot) read(on *seat) {
	if on.process == nil || on.process.asleep {
		return
	}
	for _, l := range []host.Level{host.Linearizable, host.LeaseRead, host.Stale} {
		on.process.ask(host.ReadRequest{Level: l, Age: p.w.draw.between(0, 200*time.Millisecond)})
	}
}
