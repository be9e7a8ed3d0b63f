package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// process is one life of a member.
type process struct {
	w         *World
	seat      *seat
	host      *host.Host
	transport *transport
	machine   *machine
	calls     *calls
	readers   map[uint64]*reader
	controls  map[uint64]*operation
	token     uint64
	status    host.Status // after the last turn
	followed  wire.Index  // up to where the stream of entries was read
	dead      bool
	asleep    bool          // it stands still; its clock does not
	meanwhile []func()      // what happened while it stood still
	turnAt    time.Duration // when it is turned next; negative: that is not on the agenda
	busySince time.Duration // when the turns were last counted from
	turns     int           // since then
}

func newProcess(s *seat) *process {
	p := &process{w: s.w, seat: s, calls: newCalls(&s.w.judge), readers: map[uint64]*reader{}, controls: map[uint64]*operation{}, turnAt: -1}
	p.machine = newMachine(s, p.calls)
	p.transport = &transport{w: s.w, addr: s.addr, wake: p.wake}
	return p
}

// later does something in this process's life, once it is awake.
func (p *process) later(after time.Duration, do func()) {
	p.w.after(after, func() { p.whenAwake(do) })
}

func (p *process) whenAwake(do func()) {
	switch {
	case p.dead:
	case p.asleep:
		p.meanwhile = append(p.meanwhile, do)
	default:
		do()
	}
}

// wake has the host turned soon.
func (p *process) wake() { p.turnBefore(p.w.now + p.w.draw.between(0, 50*time.Microsecond)) }

// turnBefore has the host turned at a moment, unless it is before.
func (p *process) turnBefore(at time.Duration) {
	if p.dead || p.turnAt >= 0 && p.turnAt <= at {
		return
	}
	p.turnAt = at
	p.w.at(at, func() {
		if p.turnAt == at {
			p.whenAwake(p.turn)
		}
	})
}

// turn turns the host once and spreads what comes out.
func (p *process) turn() {
	p.turnAt = -1
	p.countTurns()
	var out host.Output
	if !p.seat.survives(func() { out = p.host.Turn(p.seat.clock.now(p.w.now)) }) {
		p.w.count("died-in-turn")
		p.die(p.w.draw.one(2), "in a turn")
		return
	}
	p.look(out.Events)
	if err := p.host.Err(); err != nil {
		p.stopped(err)
		return
	}
	for _, t := range out.Tasks {
		p.begin(t)
	}
	for _, r := range out.Refused {
		if r.Err == errExpired {
			p.calls.hears(r.Seq)
		}
		p.calls.refused(r.Seq, r.Sure)
	}
	for _, token := range out.Reads {
		p.read(token)
	}
	for _, c := range out.Controls {
		p.controlled(c)
	}
	due := p.seat.clock.when(out.Deadline, p.w.now)
	p.turnBefore(max(due, p.w.now+time.Microsecond))
}

// countTurns finds a host that asks to be turned again and again for nothing.
func (p *process) countTurns() {
	const span, most = 10 * time.Millisecond, 5000
	if p.w.now-p.busySince > span {
		p.busySince, p.turns = p.w.now, 0
	}
	if p.turns++; p.turns > most {
		broken("%s wants to be turned more than %d times in %s", p.seat.name, most, span)
	}
}

// look judges how the member stands, and tells of it.
func (p *process) look(events []host.Event) {
	s := p.host.Status()
	p.w.judge.stands(p.seat.name, p.seat.rotten != 0, &p.status, &s)
	p.w.trace.turned(p.seat.name, &p.status, &s)
	if p.turns%8 == 1 { // often enough, and cheap
		loads := p.host.Loads()
		p.w.judge.bounded(p.seat.name, loads[:], p.machine.table.Len())
	}
	for _, e := range events {
		p.w.count(e.Kind.String())
		if e.Kind == host.Damaged && p.seat.rotten == 0 {
			broken("%s finds damage where none was done: %v", p.seat.name, e.Err)
		}
		if e.Kind == host.Diverged {
			p.judgeDivergence(e)
		}
		if e.Kind == host.SnapshotTaken || e.Kind == host.SnapshotInstalled || e.Kind == host.Restored {
			p.judgeSnapshot()
		}
		if e.Kind > host.MembersChanged {
			p.w.trace.line(p.seat.name, "%s at=%d member=%s %v", e.Kind, e.Index, e.Member, e.Err)
		}
	}
	p.w.sawVersion(&s)
	p.status, p.seat.id = s, s.Card.ID
	p.seat.belongs = p.seat.belongs || s.Core.ID != 0
}

// judgeSnapshot looks what the newest snapshot says of itself.
func (p *process) judgeSnapshot() {
	if m, ok := p.host.Snapshots().Latest(); ok {
		p.w.judge.tookSnapshot(p.seat.name, m.Pos, m.Time, m.Membership)
	}
}

// stopped ends a life that the member itself has ended: a node answers those who wait
// and closes.
func (p *process) stopped(err error) {
	p.w.trace.line(p.seat.name, "stops: %v", err)
	if !p.seat.mayRefuse(err) {
		broken("%s stops: %v", p.seat.name, err)
	}
	p.answerAll()
	p.die(p.w.draw.one(2), "as it has stopped by itself")
}

// close ends a life as a node does that is asked to.
func (p *process) close() {
	if !p.asleep {
		p.answerAll()
		p.die(false, "as it was asked to")
	}
}

// answerAll tells those who wait on a member that ends what can be said: that their
// commands never left it, or that nobody knows.
func (p *process) answerAll() {
	for _, seq := range p.calls.waiting() {
		p.calls.refused(seq, p.host.NeverSent(seq))
	}
}

// die ends this life. With the power goes what the disk had not synced; without, only
// the process ends, and its system tells others that it did.
func (p *process) die(power bool, why string) {
	if p.dead {
		return
	}
	p.w.trace.line(p.seat.name, "dies %s, power lost: %v", why, power)
	p.w.count("died")
	if power {
		p.w.count("died-with-power")
	}
	p.dead = true
	p.seat.leave(power)
	p.transport.close(power)
	p.forget()
}

// sleep lets the process stand still for a while.
func (p *process) sleep(d time.Duration) {
	p.w.trace.line(p.seat.name, "stands still for %s", d)
	p.asleep = true
	p.w.after(d, p.awake)
}

func (p *process) awake() {
	if p.dead || !p.asleep {
		return
	}
	p.w.trace.line(p.seat.name, "goes on")
	p.asleep = false
	todo := p.meanwhile
	p.meanwhile = nil
	for _, do := range todo {
		p.whenAwake(do)
	}
	p.wake()
}
