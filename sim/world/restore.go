package world

import (
	"fmt"
	"hash/crc32"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// A backup that is restored in a world changes no count of commands, as the judge knows one
// history only: what becomes the state is what the log had led to, with the backup behind it.
// So all that it takes to get there is played, and each member must come out with the state
// that there was.

// applyRestore does what an entry of a restore says.
func (m *machine) applyRestore(index wire.Index, payload []byte, now int64, own session.ID, out *host.ApplyOutput) (answer func(), err error) {
	member, rest, err := session.Cut(payload)
	if err != nil {
		return nil, fmt.Errorf("apply entry %d: %w", index, err)
	}
	e, err := restoring.Cut(rest)
	if err != nil {
		return nil, fmt.Errorf("apply entry %d: %w", index, err)
	}
	if e.Step == restoring.StepGiveUp {
		m.tracker.GiveUp(e.ID)
		return nil, nil
	}
	verdict, _ := m.begin(index, member, now)
	m.digest = mix(m.digest, uint64(e.ID)<<3|uint64(known(verdict)))
	if verdict == session.Fresh {
		return m.applyStep(index, member, e, out)
	}
	if verdict == session.Expired {
		if m.own[member.Session] {
			m.expired(member, own, out)
		}
		return nil, nil
	}
	return m.toOwn(member, func() { m.answer(member.Seq, verdict, 0) }), nil
}

// applyStep does what was not done before. Who waits for the end of a restore is answered
// out of the state that it brings.
func (m *machine) applyStep(index wire.Index, member session.Envelope, e restoring.Entry, out *host.ApplyOutput) (answer func(), err error) {
	var pieces []wire.Index
	if e.Step == restoring.StepPiece {
		err = m.tracker.Piece(index, e.ID, e.Number)
	} else {
		pieces, err = m.tracker.Finish(index, e.ID, e.Finish)
	}
	if err != nil {
		if !m.own[member.Session] {
			return nil, nil
		}
		return func() { m.calls.refused(member.Seq, true) }, nil
	}
	m.finish(index, 0, true, member)
	if e.Step == restoring.StepPiece {
		if !m.own[member.Session] {
			return nil, nil
		}
		return func() { m.answer(member.Seq, session.Repeated, 0) }, nil
	}
	head, err := m.head()
	if err != nil {
		return nil, err
	}
	out.Install = &host.Install{At: index, Head: head, Pieces: pieces, ID: e.ID, Finish: e.Finish}
	return nil, nil
}

// backup is one that somebody restores.
type backup struct {
	id       restoring.ID
	pieces   [][]byte
	answered int // pieces that are in the log
	refused  bool
	done     bool
}

// restores begins one: a plot brings its pieces.
func (w *World) restores() *backup {
	d := w.draw
	b := &backup{id: restoring.ID(d.Uint64() | 1)}
	for range d.number(1, 12) {
		piece := make([]byte, d.IntN(3<<10))
		for i := range piece {
			piece[i] = byte(d.Uint64())
		}
		b.pieces = append(b.pieces, piece)
	}
	return b
}

func (b *backup) finish() restoring.Finish {
	f := restoring.Finish{Pieces: len(b.pieces)}
	for _, piece := range b.pieces {
		f.Bytes, f.Sum = f.Bytes+int64(len(piece)), crc32.Update(f.Sum, wire.Castagnoli, piece)
	}
	return f
}

// bring proposes an entry of a restore, and again what was refused, as a node does.
func (p *process) bring(payload []byte, told func(outcome)) {
	c := &call{began: p.w.now}
	c.guest = func(_ uint64, o outcome) { told(o) }
	p.host.Propose(p.calls.take(wire.KindRestore, [][]byte{payload}, []*call{c}))
	p.wake()
}

// restoreRunning restores a backup into the running cluster, through a member that may lose
// its leader or its life on the way, or not go on with it. Members may take no snapshot
// meanwhile, though they are asked to; all of them change at one entry, whatever happens to
// them there.
func (p *plot) restoreRunning() {
	d, timeout := p.w.draw, p.w.shape.raft.ElectionTimeout
	leader := p.leader(p.all())
	through := pick(d, p.voters(leader))
	b := p.w.restores()
	if !p.up([]*seat{through}) {
		return
	}
	process := through.process
	alive := func() bool { return !process.dead && !process.asleep }
	order := d.Perm(len(b.pieces))
	for _, number := range order {
		if !alive() || b.refused {
			return
		}
		payload := append(restoring.AppendPiece(nil, b.id, number), b.pieces[number]...)
		process.bring(payload, func(o outcome) {
			b.answered++
			b.refused = b.refused || o != isDone
		})
		switch d.IntN(12) {
		case 0:
			p.handOver(leader, pick(d, p.all()))
		case 1:
			p.kill(d.one(2), p.some(rest(p.all(), through), 1)...)
		case 2:
			p.release()
		case 3:
			p.snapshot(pick(d, p.all()))
		case 4:
			p.cutOffNowAndThen(pick(d, p.all()))
		}
		p.pause(d.between(0, 20*time.Millisecond))
	}
	p.release()
	p.heal()
	p.until(4*timeout, func() bool { return !alive() || b.refused || b.answered == len(b.pieces) })
	if !alive() || b.refused || b.answered < len(b.pieces) || d.one(5) {
		p.w.count("restore-left")
		return
	}
	process.bring(restoring.AppendFinish(nil, b.id, b.finish()), func(o outcome) {
		b.done = o == isDone
		b.refused = o != isDone
	})
	p.propose(leader, d.IntN(4))
	// It becomes the state: everybody may be met at any step of that.
	for range d.number(0, 3) {
		hit := pick(d, p.all())
		hit.dieAfter = d.IntN(25)
		p.pause(d.between(0, 15*time.Millisecond))
		if d.one(2) {
			p.kill(true, hit)
			p.release()
		}
		hit.dieAfter = -1
	}
	if p.until(4*timeout, func() bool { return !alive() || b.done || b.refused }) && b.done {
		p.w.count("restored-running")
	}
}
