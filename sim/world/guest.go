package world

import (
	"encoding/binary"
	"time"

	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// guest is a caller outside the cluster, with a session of its own. It asks one member,
// and after some silence another one, under the same number: however often it asks, its
// command runs once, and all answers are the one result.
type guest struct {
	w       *World
	session session.ID
	ttl     time.Duration
	open    bool
	seq     uint64
	errand  *errand // nil while there is none
}

// errand is a command, with all attempts to have it run.
type errand struct {
	call
	command  []byte // nil: to open the session
	attempts int
	over     bool
}

// invite lets guests come.
func (w *World) invite() {
	for range w.draw.number(1, 3) {
		g := &guest{w: w}
		w.after(w.draw.between(0, time.Second), g.ask)
	}
}

// ask makes an attempt, and another one if it brings no answer.
func (g *guest) ask() {
	w, d := g.w, g.w.draw
	if !w.acting {
		return
	}
	if g.errand == nil || g.errand.command == nil {
		g.errand = g.next() // a session that may or may not have been opened is left to expire
	}
	e := g.errand
	if e.attempts > d.number(3, 20) {
		g.errand, g.open = nil, g.open && e.command != nil // it gives up
		w.after(d.between(0, w.shape.pace), g.ask)
		return
	}
	if up := w.running(); len(up) > 0 {
		pick(d, up).process.relay(g, e)
	}
	w.after(d.between(time.Millisecond, 2*w.shape.raft.ElectionTimeout), func() {
		if !e.over && g.errand == e {
			g.ask()
		}
	})
}

// next is what it asks for next: a session, then commands.
func (g *guest) next() *errand {
	d := g.w.draw
	if !g.open {
		g.session, g.seq = session.ID(d.Uint64()|1), 0
		g.ttl = pick(d, []time.Duration{time.Second, time.Hour})
		return &errand{}
	}
	g.seq++
	g.w.commands++
	g.w.judge.history.proposed()
	command := make([]byte, 8+d.IntN(g.w.shape.commandBytes))
	binary.LittleEndian.PutUint64(command, g.w.commands)
	return &errand{call: call{number: g.w.commands, floor: g.w.judge.floor, began: g.w.now}, command: command}
}

// request is what stands behind the envelope of the member that relays.
func (g *guest) request(e *errand) []byte {
	if e.command == nil {
		return session.Opening{Session: g.session, TTL: g.ttl}.Append([]byte{byte(session.ToOpen)})
	}
	head := session.Envelope{Session: g.session, Seq: g.seq, Low: g.seq}.Append([]byte{byte(session.ToRun)})
	return append(head, e.command...)
}

// relay brings an errand to the log. Who asked may stop waiting.
func (p *process) relay(g *guest, e *errand) {
	e.attempts++
	if len(p.calls.open) >= maxOpen {
		return
	}
	attempt := &call{number: e.number, floor: e.floor, began: p.w.now, guest: func(result uint64, v outcome) { g.told(e, result, v) }}
	chunk := p.calls.take(wire.KindRelayed, [][]byte{g.request(e)}, []*call{attempt})
	p.w.count("relayed")
	p.host.Propose(chunk)
	if p.w.draw.one(2) {
		p.later(p.w.draw.between(0, 2*time.Second), func() { p.withdraw(chunk.First) })
	}
	p.wake()
}

// outcome is what a caller is told.
type outcome uint8

const (
	isDone outcome = iota
	isUnknown
	isRefused // for sure: this attempt had no effect and will have none
)

// told hears what became of an attempt.
func (g *guest) told(e *errand, result uint64, o outcome) {
	w := g.w
	if o == isDone && e.command != nil {
		w.judge.acknowledged(&e.call, result)
		w.count("relayed-done")
		if e.attempts > 1 {
			w.count("relayed-again-done")
		}
	}
	if e.over || g.errand != e {
		return
	}
	switch {
	case o == isDone && e.command == nil:
		g.open = true
	case o == isDone:
	case o == isRefused && e.attempts == 1 && e.command != nil:
		// No other attempt is under way: it never runs. The session may have expired.
		w.judge.refused(&e.call)
		g.open = w.draw.one(2)
	case o == isRefused && e.command != nil && w.draw.one(2):
		g.open = false
	default:
		return // it asks again by itself
	}
	e.over, g.errand = true, nil
	w.after(w.draw.between(0, 10*w.shape.pace), g.ask)
}
