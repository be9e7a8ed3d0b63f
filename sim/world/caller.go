package world

import (
	"encoding/binary"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// reader is a read that waits.
type reader struct {
	host.ReadRequest
	floor uint64 // what was known as done when it began
	asked int64  // the moment in the history
	began time.Duration
}

// call lets somebody on some member propose or read, and somebody else soon after.
func (w *World) call() {
	if !w.acting {
		return
	}
	if up := w.running(); len(up) > 0 {
		p := pick(w.draw, up).process
		p.whenAwake(func() {
			switch {
			case w.draw.one(3):
				p.ask(w.drawRead(p))
			case w.draw.one(10):
				if !p.seat.survives(func() { p.follow(w.draw.number(1, 1<<16)) }) {
					p.die(w.draw.one(2), "as somebody follows its log")
				}
			default:
				p.propose(w.draw.number(1, w.shape.burst))
			}
		})
	}
	w.after(w.draw.between(0, w.shape.pace), w.call)
}

// follow reads so many bytes of the stream of what was committed, from where it was read up
// to before.
func (p *process) follow(bytes int) {
	if p.status.Repairing {
		return
	}
	view, err := p.host.Entries(p.followed + 1)
	if err != nil {
		p.followed = p.host.Readable() // it was compacted: whoever follows begins anew
		return
	}
	if view == nil {
		return
	}
	defer view.Close()
	batches, err := view.Read(bytes)
	if err != nil && !p.seat.mayRefuse(err) {
		broken("%s cannot read its entries from %d on: %v", p.seat.name, p.followed+1, err)
	}
	for _, b := range batches {
		for index, e := range b.Entries() {
			p.w.count("followed")
			p.w.judge.streamed(p.seat.name, index, p.followed+1, fingerprint(e, b))
			p.followed = index
		}
	}
}

// maxOpen bounds what waits on one process: real callers wait for each other, too.
const maxOpen = 200

// propose makes so many proposals at once.
func (p *process) propose(n int) {
	if len(p.calls.open)+n > maxOpen {
		return
	}
	d := p.w.draw
	var commands [][]byte
	var numbers []uint64
	for range n {
		p.w.commands++
		command := make([]byte, 8+d.IntN(p.w.shape.commandBytes))
		binary.LittleEndian.PutUint64(command, p.w.commands|p.drawVersion())
		commands, numbers = append(commands, command), append(numbers, p.w.commands)
	}
	chunk := p.calls.gather(commands, numbers, p.w.now)
	for seq := chunk.First; seq < chunk.First+uint64(chunk.Count); seq++ {
		if p.w.acting && d.one(3) {
			p.later(d.between(0, 5*time.Second), func() { p.withdraw(seq) })
		}
	}
	p.host.Propose(chunk)
	p.wake()
}

// withdraw gives a proposal up, if it still waits.
func (p *process) withdraw(seq uint64) {
	if p.calls.open[seq] != nil {
		p.host.Withdraw(seq, host.ErrNotTaken)
		p.wake()
	}
}

func (w *World) drawRead(p *process) host.ReadRequest {
	d := w.draw
	q := host.ReadRequest{Level: host.Level(d.IntN(4))}
	switch q.Level {
	case host.Stale:
		q.Age = d.between(0, 2*time.Second)
	case host.AtLeast:
		q.Index = p.machine.at + wire.Index(d.IntN(3))
	}
	return q
}

// ask begins a read, whose caller may have enough of waiting.
func (p *process) ask(q host.ReadRequest) {
	d := p.w.draw
	p.token++
	q.Token = p.token
	p.readers[q.Token] = &reader{ReadRequest: q, floor: p.w.judge.floor, asked: p.w.judge.history.asked(), began: p.w.now}
	p.host.Read(q)
	if q.Level == host.AtLeast || p.w.acting && d.one(3) {
		// What it waits for at a certain index may never be proposed.
		p.later(d.between(0, 3*time.Second), func() { p.cancelRead(q.Token) })
	}
	p.wake()
}

func (p *process) cancelRead(token uint64) {
	if p.readers[token] != nil {
		delete(p.readers, token)
		p.host.CancelRead(token)
		p.wake()
	}
}

// read looks at the state, for a read that may now.
func (p *process) read(token uint64) {
	r := p.readers[token]
	if r == nil {
		return
	}
	delete(p.readers, token)
	p.w.count("read")
	sees, least := p.machine.count, r.floor
	switch r.Level {
	case host.AtLeast:
		least = 0
		if p.machine.at < r.Index {
			broken("a read on %s was to see entry %d, and sees a state at %d", p.seat.name, r.Index, p.machine.at)
		}
	case host.Stale:
		// Its own clock measured the age.
		least = p.w.judge.floorAt(r.began - r.Age*1053/1000 - time.Millisecond)
	}
	if sees < least {
		broken("a read of level %d on %s that began at %s sees %d commands, but %d were known to be done", r.Level, p.seat.name, r.began, sees, least)
	}
	if r.Level == host.Linearizable || r.Level == host.LeaseRead {
		p.w.judge.history.saw(r.asked, sees)
	}
	p.w.judge.raise(sees)
}

// forget lets go of all who wait, with the process that they waited on: what they asked
// for may come true or not.
func (p *process) forget() {
	clear(p.calls.open)
	clear(p.readers)
	clear(p.controls)
}
