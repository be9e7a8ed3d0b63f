package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall/js"

	"github.com/balsaraft/balsa/transport/webrtc"
)

const (
	// piece is the largest message that all browsers pass to each other.
	piece = 16 << 10
	// mostUnderWay is how much may be handed to a channel that has not sent it; once it
	// has drained, the writer goes on.
	mostUnderWay = 1 << 20
	// mostUnread bounds what came in and was not read: a browser takes in all that
	// comes, and the other member does not notice who is slow.
	mostUnread = 64 << 20
)

var errUnread = errors.New("too much came in that was not read")

// channels are all data channels and relayed streams of this Worker, by the numbers that
// web/lib/channels.js gave them.
type channels struct {
	scratch js.Value // one piece, on its way out
	send    js.Value
	close   js.Value

	mu   sync.Mutex
	open map[uint32]*channel
}

func newChannels(p *page) *channels {
	return &channels{
		scratch: p.scope.Get("scratch"), send: p.scope.Get("send"), close: p.scope.Get("close"),
		open: map[uint32]*channel{},
	}
}

// in is the channel that a word of the page brings, nil if it brings none.
func (cs *channels) in(word js.Value) *channel {
	id := word.Get("channel")
	if !id.Truthy() {
		return nil
	}
	c := &channel{all: cs, id: uint32(id.Int())}
	c.changed = sync.NewCond(&c.mu)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c.id] = c
	return c
}

// take tells a channel what has happened to it.
func (cs *channels) take(e event) {
	cs.mu.Lock()
	c := cs.open[e.id]
	cs.mu.Unlock()
	if c == nil {
		return // it was closed here meanwhile
	}
	switch e.kind {
	case channelData:
		c.take(e.bytes)
	case channelOpened:
		c.change(func() { c.isOpen = true })
	case channelDrained:
		c.change(func() { c.underWay = 0 })
	case channelClosed:
		c.end(io.EOF)
	}
}

func (cs *channels) forget(id uint32) {
	cs.mu.Lock()
	delete(cs.open, id)
	cs.mu.Unlock()
	cs.close.Invoke(id)
}

// channel is an RTCDataChannel, or a relayed stream that looks like one, as a stream of
// bytes. One goroutine reads and one writes.
type channel struct {
	all *channels
	id  uint32

	mu       sync.Mutex
	changed  *sync.Cond // what follows has changed
	isOpen   bool
	err      error // why it ended
	unread   [][]byte
	bytes    int // in unread
	underWay int // handed over and not sent, as of the last write
}

func (c *channel) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	c.changed.Broadcast()
}

func (c *channel) take(b []byte) {
	c.change(func() {
		if c.err == nil && len(b) > 0 {
			c.unread = append(c.unread, b)
			c.bytes += len(b)
		}
	})
	if c.bytes > mostUnread {
		c.end(errUnread)
	}
}

// end ends the channel once; what has come in can still be read.
func (c *channel) end(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.changed.Broadcast()
	c.mu.Unlock()
	if first {
		c.all.forget(c.id)
	}
}

// opened waits until there is a connection.
func (c *channel) opened(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { c.change(func() {}) })()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.isOpen && c.err == nil && ctx.Err() == nil {
		c.changed.Wait()
	}
	return errors.Join(c.err, ctx.Err())
}

func (c *channel) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.unread) == 0 && c.err == nil {
		c.changed.Wait()
	}
	if len(c.unread) == 0 {
		return 0, c.err
	}
	n := copy(p, c.unread[0])
	c.bytes -= n
	if c.unread[0] = c.unread[0][n:]; len(c.unread[0]) == 0 {
		c.unread[0] = nil
		c.unread = c.unread[1:]
	}
	return n, nil
}

func (c *channel) Write(p []byte) (n int, err error) {
	for n < len(p) {
		size := min(piece, len(p)-n)
		if err := c.writePiece(p[n : n+size]); err != nil {
			return n, err
		}
		n += size
	}
	return n, nil
}

func (c *channel) writePiece(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && (!c.isOpen || c.underWay > mostUnderWay) {
		c.changed.Wait()
	}
	if c.err != nil {
		return c.err
	}
	js.CopyBytesToJS(c.all.scratch, p)
	c.underWay = c.all.send.Invoke(c.id, len(p)).Int()
	if c.underWay < 0 {
		return fmt.Errorf("send over a data channel: %w", io.ErrClosedPipe)
	}
	return nil
}

func (c *channel) Close() error {
	c.end(io.ErrClosedPipe)
	return nil
}

// dial asks the page for a channel to a member.
func (p *page) dial(ctx context.Context, addr string) (io.ReadWriteCloser, error) {
	answer := p.askWord("dial", map[string]any{"addr": addr})
	c := answer.channel
	if c == nil {
		err := fmt.Errorf("dial %s: %s", addr, answer.word.Get("reason").String())
		if answer.word.Get("gone").Truthy() {
			err = fmt.Errorf("%w: %w", webrtc.ErrGone, err)
		}
		return nil, err
	}
	if err := c.opened(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return c, nil
}
