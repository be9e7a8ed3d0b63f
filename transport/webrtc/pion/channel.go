package pion

import (
	"errors"
	"io"
	"sync"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"
)

const (
	// piece is the largest message that all browsers pass to each other. What comes may be
	// larger.
	piece       = 16 << 10
	largestCome = 256 << 10
	// mostUnderWay is how much may be handed to a channel that has not sent it;
	// wakeUnderWay is when the writer goes on.
	mostUnderWay = 1 << 20
	wakeUnderWay = 256 << 10
)

// channel is a data channel as a stream of bytes. One goroutine reads and one writes at a
// time; Close may be called by any, and ends what they wait for.
type channel struct {
	c    *webrtc.DataChannel
	rest []byte // of the message that was read last; the reader's
	last []byte // that message's memory

	mu      sync.Mutex
	changed *sync.Cond // what follows has changed, or much was sent
	end     datachannel.ReadWriteCloser
	err     error // why it is over
}

func newChannel(c *webrtc.DataChannel) *channel {
	s := &channel{c: c}
	s.changed = sync.NewCond(&s.mu)
	c.SetBufferedAmountLowThreshold(wakeUnderWay)
	c.OnBufferedAmountLow(s.changed.Broadcast)
	c.OnOpen(func() {
		end, err := c.Detach()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil && err == nil {
			end.Close() // it was closed before it was open
			return
		}
		s.end, s.err = end, err
		s.changed.Broadcast()
	})
	c.OnClose(func() { s.over(io.EOF) })
	return s
}

// over notes why the stream is over; the first reason counts.
func (s *channel) over(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.changed.Broadcast()
}

// opened waits until the channel is open.
func (s *channel) opened() (datachannel.ReadWriteCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.end == nil && s.err == nil {
		s.changed.Wait()
	}
	return s.end, s.err
}

// Read reads what has come.
func (s *channel) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		end, err := s.opened()
		if end == nil {
			return 0, err
		}
		if s.last == nil {
			s.last = make([]byte, largestCome)
		}
		n, err := end.Read(s.last)
		if err != nil {
			s.over(err)
			return 0, ended(err)
		}
		s.rest = s.last[:n]
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Write sends p in pieces, as fast as the other side takes them.
func (s *channel) Write(p []byte) (n int, err error) {
	end, err := s.opened()
	if err != nil {
		return 0, err
	}
	for n < len(p) {
		if err := s.wait(); err != nil {
			return n, err
		}
		sent, err := end.Write(p[n:min(n+piece, len(p))])
		n += sent
		if err != nil {
			s.over(err)
			return n, ended(err)
		}
	}
	return n, nil
}

// wait waits while too much is under way.
func (s *channel) wait() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil && s.c.BufferedAmount() > mostUnderWay {
		s.changed.Wait()
	}
	return s.err
}

// Close ends the stream both ways.
func (s *channel) Close() error {
	s.mu.Lock()
	end, first := s.end, s.err == nil
	if first {
		s.err = io.ErrClosedPipe
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	switch {
	case !first:
		return nil
	case end != nil:
		return end.Close()
	}
	return s.c.Close()
}

// ended is an error of a channel as the end of a stream, which it mostly is: pion has many
// words for it, and none says that the other process is dead.
func ended(err error) error {
	if errors.Is(err, io.ErrShortBuffer) {
		return err // a message larger than any that members send
	}
	return io.EOF
}
