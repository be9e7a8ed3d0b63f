package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/balsaraft/balsa"
)

// calls are the page's proposals and reads that are under way. Outcomes are gathered and
// go to the page together.
type calls struct {
	page *page
	node *node

	mu       sync.Mutex
	cancels  map[uint32]context.CancelFunc
	outcomes []byte // packed, behind room for their count
	count    uint32
	wake     chan struct{} // holds a token while there are outcomes
}

func newCalls(p *page, n *node) *calls {
	c := &calls{page: p, node: n, cancels: map[uint32]context.CancelFunc{}, wake: make(chan struct{}, 1)}
	go c.tell()
	return c
}

// tell sends outcomes for as long as the Worker lives. While one message is made, the
// outcomes for the next one gather.
func (c *calls) tell() {
	for range c.wake {
		c.mu.Lock()
		packed, count := c.outcomes, c.count
		c.outcomes, c.count = nil, 0
		c.mu.Unlock()
		if count == 0 {
			continue // they went with the ones before
		}
		binary.LittleEndian.PutUint32(packed, count)
		c.page.postBytes(wordOutcomes, 0, packed)
	}
}

func (c *calls) finish(call uint32, r *result, err error) {
	v, text := said(r, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == 0 {
		c.outcomes = make([]byte, 4, 1024)
	}
	c.outcomes = appendOutcome(c.outcomes, call, v, text)
	c.count++
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// said is an outcome as the page gets it. A read has no result.
func said(r *result, err error) (verdict, []byte) {
	if err != nil {
		return explain(err)
	}
	if r == nil {
		return done, nil
	}
	if text, come := r.known(); come {
		return done, text
	}
	return doneLater, appendNumber(nil, r.number)
}

// context is one that the page may cancel.
func (c *calls) context(call uint32) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancels[call] = cancel
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.cancels, call)
	}
}

func (c *calls) cancel(call uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.cancels[call]; cancel != nil {
		cancel()
	}
}

// propose starts the proposals of one message, in their order. One goroutine hands all
// of them in before anything else runs, so that they go into the log together, and waits
// for their results; those that may be cancelled have one of their own.
func (c *calls) propose(packed []byte) {
	proposals, err := unpackProposals(packed)
	if err != nil {
		panic(err)
	}
	var together []proposal
	for _, p := range proposals {
		if p.mayCancel {
			go c.proposeAlone(p)
		} else {
			together = append(together, p)
		}
	}
	if len(together) > 0 {
		go c.proposeTogether(together)
	}
}

func (c *calls) proposeAlone(p proposal) {
	ctx, release := c.context(p.call)
	defer release()
	result, err := c.node.Propose(ctx, &command{p.command})
	c.finish(p.call, result, err)
}

func (c *calls) proposeTogether(proposals []proposal) {
	for len(proposals) > 0 {
		handedIn, answered := 0, 0
		commands := func(yield func(*command) bool) {
			for _, p := range proposals {
				handedIn++
				if !yield(&command{p.command}) {
					return
				}
			}
		}
		var problem error
		for result, err := range c.node.ProposeAll(context.Background(), commands) {
			c.finish(proposals[answered].call, result, err)
			answered++
			problem = err
		}
		// After an error nobody waits for those that were handed in behind it, and the
		// rest are tried by themselves.
		for _, p := range proposals[answered:handedIn] {
			c.finish(p.call, nil, fmt.Errorf("%w: a proposal before this one failed: %w", balsa.ErrUnknown, problem))
		}
		proposals = proposals[handedIn:]
	}
}

// read says when this member's state is as new as any was when it was asked.
func (c *calls) read(call uint32) {
	ctx, release := c.context(call)
	go func() {
		defer release()
		c.finish(call, nil, c.node.Read(ctx, func(state) {}))
	}()
}

// reasons are the names that the page has for why something failed.
var reasons = []struct {
	err  error
	name string
}{
	{balsa.ErrNoSpace, "no-space"}, // for which a proposal waits until it is aborted
	{context.Canceled, "aborted"},
	{balsa.ErrNoLeader, "no-leader"},
	{balsa.ErrOverloaded, "overloaded"},
	{balsa.ErrTooLarge, "too-large"},
	{balsa.ErrSessionExpired, "session-expired"},
	{balsa.ErrResultLost, "result-lost"},
	{balsa.ErrRemoved, "removed"},
	{balsa.ErrRefused, "refused"},
	{balsa.ErrLocked, "locked"},
	{balsa.ErrDiverged, "diverged"},
	{balsa.ErrDamaged, "damaged"},
	{balsa.ErrClusterVersion, "cluster-version"},
	{balsa.ErrNewerVersion, "newer-version"},
	{balsa.ErrClosed, "closed"},
}

func reasonOf(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "other"
}

// problem is an error as the page gets it.
type problem struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func explain(err error) (verdict, []byte) {
	text, _ := json.Marshal(problem{reasonOf(err), err.Error()}) // two strings always have a JSON
	if errors.Is(err, balsa.ErrUnknown) {
		return unknown, text
	}
	return notCommitted, text
}
