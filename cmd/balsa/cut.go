package main

import (
	"sync"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/wire"
)

// cuttable is a transport whose messages to and from some members get lost, as if a
// cable were out: connections stay, nothing comes through.
type cuttable struct {
	balsa.Transport
	mu  sync.Mutex
	off map[balsa.MemberID]bool
}

func (c *cuttable) cut(id balsa.MemberID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off == nil {
		c.off = map[balsa.MemberID]bool{}
	}
	c.off[id] = true
}

func (c *cuttable) heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = nil
}

func (c *cuttable) isOff(id balsa.MemberID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off[id]
}

// Send loses what goes to a member that is cut off.
func (c *cuttable) Send(to wire.Peer, m *wire.Message) {
	if !c.isOff(to.ID) {
		c.Transport.Send(to, m)
	}
}

// Drain loses the messages that came from a member that is cut off.
func (c *cuttable) Drain(into []wire.Arrival) []wire.Arrival {
	old := len(into)
	into = c.Transport.Drain(into)
	kept := into[:old]
	for _, a := range into[old:] {
		if a.Kind != wire.ArrivedMessage || !c.isOff(a.Card.ID) {
			kept = append(kept, a)
		}
	}
	return kept
}
