package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
)

// mood is how long a disk takes for a task.
type mood uint8

const (
	quick mood = iota
	slow
	stalled
)

// begin puts a task on the agenda: it has its effect some time before it is reported, so
// that a crash may come between.
func (p *process) begin(t *host.Task) {
	d := p.w.draw
	length := p.length(t.Lane)
	p.later(d.between(0, length), func() {
		if p.w.mayDie() && d.one(p.w.shape.deathsInTasks) {
			p.seat.dieAfter = d.IntN(8)
		}
		if !p.seat.survives(t.Run) {
			p.w.count("died-in-task")
			p.die(d.one(2), "in a task")
			return
		}
		if !p.w.acting {
			p.seat.dieAfter = -1
		}
		p.later(d.between(0, length/2), func() {
			if !p.seat.survives(func() { p.host.Finish(t) }) {
				p.die(d.one(2), "as it takes up what a task has done")
				return
			}
			if t.Lane == host.LogLane {
				p.w.judge.saved(p.host.Status()) // what it says of that leaves it at once
			}
			p.wake()
		})
	})
}

// length draws how long a task takes.
func (p *process) length(l host.Lane) time.Duration {
	d := p.w.draw
	if l == host.ApplyLane && p.seat.burden > 0 {
		return p.seat.burden
	}
	if l == host.ApplyLane {
		if p.w.faults.slowApply && d.one(50) {
			p.w.count("slow-apply")
			return d.between(time.Millisecond, time.Second)
		}
		return d.between(0, 300*time.Microsecond)
	}
	switch p.seat.mood {
	case slow:
		return d.between(time.Millisecond, 300*time.Millisecond)
	case stalled:
		return d.between(time.Second, 10*time.Second)
	}
	if l == host.LogLane {
		return d.between(50*time.Microsecond, 2*time.Millisecond)
	}
	return d.between(50*time.Microsecond, 10*time.Millisecond)
}
