package world

import (
	"strings"
	"time"

	"github.com/balsaraft/balsa/fsys/fault"
)

// faults says which troubles exist in a world. Each world draws its own: where all
// strike at once, some hide what others would show.
type faults struct {
	loss, duplicate, reorder, delay, cuts, partitions, flaps, breaks bool
	badDisk, slowDisk, fullDisk, slowApply, rot                      bool
	kills, power, storms, pauses, deathsInTasks                      bool
	clocks, jumps                                                    bool
	members, moves                                                   bool
	// plots
	longTails, shortReigns, lateVotes, lateNews, overtaken, jointCuts bool
	handoverReads, driftingLeases, staleStarts                        bool
	ackCrashes, crashesTwice, snapshotsOnTails                        bool
	guests, garble                                                    bool
	rollbacks, slowLinks, oddStates                                   bool
	upgrades, restores, lostSessions                                  bool // drawn apart: see drawUpgrades
}

// named lists all troubles by name, in a fixed order.
func (f *faults) named() []namedFault {
	return []namedFault{
		{"loss", &f.loss}, {"duplicate", &f.duplicate}, {"reorder", &f.reorder}, {"delay", &f.delay},
		{"cuts", &f.cuts}, {"partitions", &f.partitions}, {"flaps", &f.flaps}, {"breaks", &f.breaks},
		{"bad-disk", &f.badDisk}, {"slow-disk", &f.slowDisk}, {"full-disk", &f.fullDisk}, {"slow-apply", &f.slowApply}, {"rot", &f.rot},
		{"kills", &f.kills}, {"power", &f.power}, {"storms", &f.storms}, {"pauses", &f.pauses}, {"deaths-in-tasks", &f.deathsInTasks},
		{"clocks", &f.clocks}, {"jumps", &f.jumps}, {"members", &f.members}, {"moves", &f.moves},
		{"long-tail", &f.longTails}, {"short-reigns", &f.shortReigns}, {"late-votes", &f.lateVotes}, {"late-news", &f.lateNews}, {"overtaken", &f.overtaken}, {"joint-cut", &f.jointCuts},
		{"handover-read", &f.handoverReads}, {"drifting-lease", &f.driftingLeases}, {"stale-start", &f.staleStarts},
		{"acknowledged-crash", &f.ackCrashes}, {"crash-twice", &f.crashesTwice}, {"snapshot-on-tail", &f.snapshotsOnTails},
		{"guests", &f.guests}, {"garble", &f.garble},
		{"rolled-back", &f.rollbacks}, {"slow-link", &f.slowLinks}, {"odd-state", &f.oddStates},
		{"upgrades", &f.upgrades}, {"restore-running", &f.restores}, {"lost-session", &f.lostSessions},
	}
}

type namedFault struct {
	name   string
	exists *bool
}

func (f *faults) String() string {
	var names []string
	for _, n := range f.named() {
		if *n.exists {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

// drawFaults lets each trouble exist with a probability that is drawn, too.
func drawFaults(d draw) (f faults) {
	share := d.Float64()
	for _, n := range f.named() {
		if n.exists != &f.upgrades && n.exists != &f.restores && n.exists != &f.lostSessions {
			*n.exists = d.chance(share)
		}
	}
	return f
}

// trouble is a kind of mishap.
type trouble struct {
	exists bool
	begins func()
}

// mishap lets one trouble begin, and another one soon after.
func (w *World) mishap() {
	if !w.acting {
		return
	}
	w.after(w.draw.between(5*time.Millisecond, w.shape.calm), w.mishap)
	f := &w.faults
	var list []trouble
	for _, t := range []trouble{
		{f.loss || f.duplicate || f.reorder || f.delay || f.garble, w.changeWeather},
		{f.rot, w.rot},
		{f.cuts, w.cutSome},
		{f.partitions, w.partition},
		{f.flaps, w.flap},
		{f.breaks, w.breakSome},
		{f.badDisk, w.spoilDisk},
		{f.slowDisk, w.slowDisk},
		{f.fullDisk, w.fillDisk},
		{f.kills, func() { w.killSome(false) }},
		{f.power, func() { w.killSome(true) }},
		{f.storms, w.storm},
		{f.pauses, w.pauseSome},
		{f.clocks || f.jumps, w.shiftClock},
	} {
		if t.exists {
			list = append(list, t)
		}
	}
	if len(list) > 0 {
		pick(w.draw, list).begins()
	}
}

func (w *World) mayDie() bool { return w.acting && w.faults.deathsInTasks }

func (w *World) changeWeather() {
	d, f := w.draw, w.faults
	share := func(exists bool) float64 {
		if !exists || d.one(2) {
			return 0
		}
		return d.Float64() * d.Float64() * 0.5
	}
	n := fair
	if f.delay {
		n.maxDelay = d.between(time.Millisecond, w.shape.raft.ElectionTimeout)
		n.minDelay = d.between(0, n.maxDelay)
	}
	for _, k := range []struct {
		exists bool
		name   string
	}{{f.loss, "loss"}, {f.duplicate, "duplicate"}, {f.reorder, "reorder"}, {f.delay, "delay"}, {f.garble, "garble"}} {
		if k.exists {
			w.count("weather-" + k.name)
		}
	}
	n.loss, n.duplicate, n.reorder = share(f.loss), share(f.duplicate), share(f.reorder)
	n.garble = share(f.garble) / 20
	w.network.weather = n
	w.trace.line("", "weather: %+v", n)
}

// lasting draws how long a trouble lasts.
func (w *World) lasting() time.Duration {
	if w.draw.one(4) {
		return w.draw.between(0, 10*time.Second)
	}
	return w.draw.between(0, 2*time.Second)
}

func (w *World) cut(a, b *seat) {
	if a != b {
		w.network.cut[route{a.addr, b.addr}] = true
	}
}

// healLater takes back all cuts after a while.
func (w *World) healLater() {
	w.after(w.lasting(), func() {
		if w.acting {
			clear(w.network.cut)
			w.trace.line("", "the network is whole")
		}
	})
}

// cutSome cuts single directions: one that can send and not hear, a bridge between two
// sides, a pair that does not see each other.
func (w *World) cutSome() {
	d := w.draw
	one := pick(d, w.seats)
	switch d.IntN(4) {
	case 0:
		w.trace.line(one.name, "hears nobody")
		w.count("cut-deaf")
		for _, s := range w.seats {
			w.cut(s, one)
		}
	case 1:
		w.trace.line(one.name, "is heard by nobody")
		w.count("cut-dumb")
		for _, s := range w.seats {
			w.cut(one, s)
		}
	case 2:
		w.trace.line(one.name, "is the bridge between two sides")
		w.count("cut-bridge")
		for i, a := range w.seats {
			for j, b := range w.seats {
				if a != one && b != one && i%2 != j%2 {
					w.cut(a, b)
				}
			}
		}
	case 3:
		w.count("cut-directions")
		for range d.number(1, 5) {
			a, b := pick(d, w.seats), pick(d, w.seats)
			w.trace.line(a.name, "is not heard by %s", b.name)
			w.cut(a, b)
		}
	}
	w.healLater()
}

// partition cuts both ways between two sides.
func (w *World) partition() {
	w.count("partition")
	side := map[*seat]bool{}
	for _, s := range w.seats {
		if side[s] = w.draw.one(2); side[s] {
			w.trace.line(s.name, "is on the one side")
		} else {
			w.trace.line(s.name, "is on the other side")
		}
	}
	if w.draw.one(2) {
		// The leader goes to the smaller side, where the harm is.
		for _, s := range w.seats {
			side[s] = s.process != nil && s.process.host.Leading()
		}
	}
	for _, a := range w.seats {
		for _, b := range w.seats {
			if side[a] != side[b] {
				w.cut(a, b)
			}
		}
	}
	w.healLater()
}

// flap cuts a pair off and heals it again and again.
func (w *World) flap() {
	d := w.draw
	a, b := pick(d, w.seats), pick(d, w.seats)
	w.count("flap")
	w.trace.line(a.name, "loses and finds %s again and again", b.name)
	var again func(times int)
	again = func(times int) {
		if !w.acting || times == 0 {
			return
		}
		if key := (route{a.addr, b.addr}); w.network.cut[key] {
			delete(w.network.cut, key)
		} else {
			w.cut(a, b)
			if d.one(2) {
				w.network.breakConnections(a.addr, b.addr)
			}
		}
		w.after(d.between(time.Millisecond, 400*time.Millisecond), func() { again(times - 1) })
	}
	again(2 * d.number(1, 10))
}

func (w *World) breakSome() {
	w.count("connections-broken")
	for range w.draw.number(1, 4) {
		a, b := pick(w.draw, w.seats), pick(w.draw, w.seats)
		w.trace.line(a.name, "loses its connections with %s", b.name)
		w.network.breakConnections(a.addr, b.addr)
	}
}

// spoilDisk makes operations of a disk fail, once or for a while.
func (w *World) spoilDisk() {
	d := w.draw
	s := pick(d, w.seats)
	r := fault.Rule{Op: pick(d, []fault.Op{fault.Sync, fault.Sync, fault.Write, fault.SyncDir, fault.Create, fault.Rename, fault.Remove}), After: d.IntN(10)}
	if d.one(2) {
		r.Times = 1
	} else {
		r.Chance = d.Float64()
	}
	w.trace.line(s.name, "has a disk that fails: %+v", r)
	w.count("disk-fails-" + r.Op.String())
	i := s.disk.Inject(r)
	s.rules = append(s.rules, i)
	if r.Op == fault.SyncDir {
		s.syncs = append(s.syncs, i)
	}
	w.after(w.lasting(), i.Remove)
}

func (w *World) slowDisk() {
	s := pick(w.draw, w.seats)
	s.mood = pick(w.draw, []mood{slow, slow, stalled})
	w.count(map[mood]string{slow: "disk-slow", stalled: "disk-stalled"}[s.mood])
	w.trace.line(s.name, "has a disk that is slow: %d", s.mood)
	w.after(w.lasting(), func() { s.mood = quick })
}

func (w *World) fillDisk() {
	s := pick(w.draw, w.seats)
	w.count("disk-fills")
	w.trace.line(s.name, "has a disk that is full")
	s.disk.SetCapacity(s.disk.Used() + int64(w.draw.IntN(20_000)))
	disk := s.disk
	w.after(w.lasting(), func() { disk.SetCapacity(-1) })
}

// killSome ends a process, most often the one that leads.
func (w *World) killSome(power bool) {
	var leaders []*seat
	up := w.running()
	for _, s := range up {
		if s.process.host.Leading() {
			leaders = append(leaders, s)
		}
	}
	if len(leaders) > 0 && w.draw.one(2) {
		up = leaders
	}
	if len(up) == 0 {
		return
	}
	p := pick(w.draw, up).process
	if !power && w.draw.one(3) {
		w.count("closed")
		p.close()
		return
	}
	p.die(power, "by chance")
}

// storm ends many processes at once, as a power cut of the building does.
func (w *World) storm() {
	w.count("storm")
	power := w.draw.one(2)
	for _, s := range w.running() {
		if !w.draw.one(4) {
			s.process.die(power, "in a storm")
		}
	}
}

// downtime is the longest time that a dead process stays away.
func (w *World) downtime() time.Duration {
	if w.draw.one(5) {
		return 10 * time.Second
	}
	return time.Second
}

func (w *World) pauseSome() {
	if up := w.running(); len(up) > 0 {
		if p := pick(w.draw, up).process; !p.asleep {
			w.count("paused")
			p.sleep(w.lasting())
		}
	}
}

// shiftClock changes the rate of a clock within what a lease allows for, or lets its
// calendar jump.
func (w *World) shiftClock() {
	s := pick(w.draw, w.seats)
	if w.faults.clocks {
		w.count("clock-drifts")
		s.clock.setRate(w.now, w.draw.number(950, 1050))
	}
	if w.faults.jumps {
		w.count("clock-jumps")
		s.clock.skew = w.draw.between(-2*time.Hour, 2*time.Hour)
	}
	w.trace.line(s.name, "clock: rate=%d skew=%s", s.clock.rate, s.clock.skew)
	if s.process != nil {
		s.process.wake()
	}
}
