package world

import (
	"maps"
	"slices"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// calls are the proposals made on one process that are not answered.
type calls struct {
	judge *judge
	next  uint64 // number of the last proposal
	open  map[uint64]*call

	expired map[uint64]session.ID // commands whose callers are to hear that their session is gone
	told    map[session.ID]uint64 // who heard it first, and what had been proposed by then
}

// call is one proposal that somebody waits for.
type call struct {
	number uint64 // of the command, unique in the world
	floor  uint64 // what the judge knew as done when it began
	began  time.Duration
	guest  func(result uint64, o outcome) // a caller outside who is told; nil: the judge
}

func newCalls(j *judge) *calls {
	return &calls{judge: j, open: map[uint64]*call{}, expired: map[uint64]session.ID{}, told: map[session.ID]uint64{}}
}

// meetExpired: a command that was proposed after a caller on the same member had heard that
// the session is gone does not go under that session.
func (c *calls) meetExpired(who string, e session.Envelope) {
	if last, told := c.told[e.Session]; told && e.Seq > last {
		broken("%s brings command %d under session %s, though it was proposed after a caller there had heard that it has expired", who, e.Seq, e.Session)
	}
	c.lost(e.Session, e.Seq)
}

// lost notes that a command's caller is to hear that its session is gone.
func (c *calls) lost(id session.ID, seq uint64) { c.expired[seq] = id }

// hears notes that the caller does, if it still waits.
func (c *calls) hears(seq uint64) {
	id := c.expired[seq]
	if _, told := c.told[id]; !told && c.open[seq] != nil {
		c.told[id] = c.next
	}
}

// gather numbers commands and makes of them what a host takes.
func (c *calls) gather(commands [][]byte, numbers []uint64, now time.Duration) host.Chunk {
	var list []*call
	for _, number := range numbers {
		c.judge.history.proposed()
		list = append(list, &call{number: number, floor: c.judge.floor, began: now})
	}
	return c.take(wire.KindCommand, commands, list)
}

// take makes of calls and their payloads what a host takes.
func (c *calls) take(kind wire.EntryKind, payloads [][]byte, list []*call) host.Chunk {
	chunk := host.Chunk{Body: wire.NewBody(256), First: c.next + 1}
	for i, payload := range payloads {
		c.next++
		c.open[c.next] = list[i]
		envelope := session.Envelope{Seq: c.next, Low: c.low()}.Append(nil)
		chunk.Body = wire.AppendEntryParts(chunk.Body, kind, envelope, payload)
		chunk.Count++
	}
	return chunk
}

// low is the lowest number that is not answered.
func (c *calls) low() uint64 {
	low := c.next + 1
	for seq := range c.open {
		low = min(low, seq)
	}
	return low
}

// waiting lists the numbers that are not answered, in order.
func (c *calls) waiting() []uint64 { return slices.Sorted(maps.Keys(c.open)) }

// done answers a call with its command's result.
func (c *calls) done(seq, result uint64) {
	if w := c.open[seq]; w != nil {
		delete(c.open, seq)
		if w.guest != nil {
			w.guest(result, isDone)
			return
		}
		c.judge.acknowledged(w, result)
	}
}

// refused answers a call with an error: sure says that the command will never run.
func (c *calls) refused(seq uint64, sure bool) {
	w := c.open[seq]
	if w == nil {
		return
	}
	delete(c.open, seq)
	switch {
	case w.guest != nil && sure:
		w.guest(0, isRefused)
	case w.guest != nil:
		w.guest(0, isUnknown)
	case sure:
		c.judge.refused(w)
	}
}
