//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/history"
)

// A chapter's keys are used a few at a time, so that callers meet on each, and each
// for a while, so that its history stays short enough to be searched.
const (
	keysAtATime = 4
	keysStay    = 1500 * time.Millisecond
	// One caller of so many only reads: who also writes is soon stuck at a member that
	// was cut off, and does not see what it answers to reads.
	readersAre = 3
)

// load is what callers outside do to the cluster in a chapter.
type load struct {
	chapter int
	ask     *asker
	members func() []*member
	began   time.Time
	written atomic.Int64 // writes that were acknowledged
	stop    chan struct{}
	callers sync.WaitGroup

	mu  sync.Mutex
	ops map[string][]history.Op // by key
}

func startLoad(chapter int, o options, ask *asker, members func() []*member) *load {
	l := &load{chapter: chapter, ask: ask, members: members, began: time.Now(), stop: make(chan struct{}), ops: map[string][]history.Op{}}
	for i := range o.callers {
		random := rand.New(rand.NewPCG(o.seed, uint64(chapter)<<32|uint64(i)))
		c := &caller{load: l, id: chapter*1000 + i, reader: i%readersAre == readersAre-1, random: random, known: map[string]history.Version{}}
		l.callers.Go(c.run)
	}
	return l
}

// end waits for the callers and returns what they saw.
func (l *load) end() map[string][]history.Op {
	close(l.stop)
	l.callers.Wait()
	return l.ops
}

func (l *load) record(o history.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops[o.Key] = append(l.ops[o.Key], o)
	if o.Kind != history.Get && o.Outcome == history.Done {
		l.written.Add(1)
	}
}

// caller asks one thing at a time, at the member that answered last.
type caller struct {
	load   *load
	id     int
	random *rand.Rand
	at     *member
	reader bool // it only reads, each time from another member
	count  int
	known  map[string]history.Version // what it saw last of each key
}

func (c *caller) run() {
	for {
		select {
		case <-c.load.stop:
			return
		default:
		}
		if members := c.load.members(); c.at == nil || c.reader || c.random.IntN(20) == 0 {
			c.at = members[c.random.IntN(len(members))]
		}
		o := c.load.ask.do(c.at, c.next())
		c.load.record(o)
		switch o.Outcome {
		case history.Unknown, history.Refused:
			c.at = nil
			time.Sleep(20 * time.Millisecond) // a dead member refuses in no time
		case history.Done:
			c.known[o.Key] = o.Version
		}
		time.Sleep(time.Duration(c.random.IntN(8)) * time.Millisecond)
	}
}

// next is what this caller asks next.
func (c *caller) next() history.Op {
	window := int(time.Since(c.load.began) / keysStay)
	o := history.Op{Client: c.id, Key: fmt.Sprintf("c%d-%d", c.load.chapter, window*keysAtATime+c.random.IntN(keysAtATime))}
	switch n := c.random.IntN(100); {
	case c.reader || n < 25:
		return o
	case n < 35:
		o.Kind = history.Delete
	default:
		o.Kind = history.Put
		c.count++
		o.Value = valueOf(c.id, c.count, c.size())
	}
	switch n := c.random.IntN(100); {
	case n < 35 && c.known[o.Key] != 0:
		o.Condition, o.Expect = history.IfVersion, c.known[o.Key]
	case n > 90 && o.Kind == history.Put:
		o.Condition = history.IfAbsent
	}
	return o
}

// size is that of a value: mostly small, some fill the log.
func (c *caller) size() int {
	switch n := c.random.IntN(100); {
	case n < 70:
		return 0
	case n < 99:
		return c.random.IntN(16 << 10)
	}
	return c.random.IntN(256 << 10)
}
