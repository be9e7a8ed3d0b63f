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
}

// call is one proposal that somebody waits for.
type call struct {
	number uint64 // of the command, unique in the world
	floor  uint64 // what the judge knew as done when it began
	began  time.Duration
}

func newCalls(j *judge) *calls { return &calls{judge: j, open: map[uint64]*call{}} }

// gather numbers commands and makes of them what a host takes.
func (c *calls) gather(commands [][]byte, numbers []uint64, now time.Duration) host.Chunk {
	chunk := host.Chunk{Body: wire.NewBody(256), First: c.next + 1}
	for i, command := range commands {
		c.next++
		c.open[c.next] = &call{number: numbers[i], floor: c.judge.floor, began: now}
		envelope := session.Envelope{Seq: c.next, Low: c.low()}.Append(nil)
		chunk.Body = wire.AppendEntryParts(chunk.Body, wire.KindCommand, envelope, command)
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
	if sure {
		c.judge.refused(w)
	}
}
