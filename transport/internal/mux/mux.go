package mux

import (
	"errors"
	"fmt"
	"sync"

	"github.com/balsaraft/balsa/room"
)

// Sender sends a frame, whose data it does not keep. A frame with data may wait for its
// turn until giveUp is closed; the others must not wait.
type Sender func(f room.Frame, giveUp <-chan struct{}) error

// ErrReset says that the other side, or a broken rule, ended a stream.
var ErrReset = errors.New("the stream was reset")

// ErrTooManyStreams says that a stream cannot be opened beside so many.
var ErrTooManyStreams = fmt.Errorf("%d streams are open, and no more may be", room.MaxStreams)

// Mux holds the streams between two ends. Any goroutine may use it; Receive is for one.
type Mux struct {
	send   Sender
	accept func(*Stream)

	mu      sync.Mutex
	next    uint32 // the stream that is opened next: odd on one side, even on the other
	streams map[uint32]*Stream
	err     error // why it ended
}

// New makes one end. Exactly one of the two is odd. accept gets each stream that the
// other side opens, and must not wait.
func New(odd bool, send Sender, accept func(*Stream)) *Mux {
	m := &Mux{send: send, accept: accept, next: 2, streams: map[uint32]*Stream{}}
	if odd {
		m.next = 1
	}
	return m
}

// Open opens a stream. The other side hears of it before anything that is written.
func (m *Mux) Open() (*Stream, error) {
	m.mu.Lock()
	switch {
	case m.err != nil:
		defer m.mu.Unlock()
		return nil, m.err
	case len(m.streams) >= room.MaxStreams:
		defer m.mu.Unlock()
		return nil, ErrTooManyStreams
	}
	s := newStream(m, m.next)
	m.next += 2
	m.streams[s.id] = s
	m.mu.Unlock()
	return s, s.sendFrame(room.Frame{What: room.WhatOpen})
}

// Receive takes the next frame, whose memory it keeps. It does not wait.
func (m *Mux) Receive(b []byte) {
	f, err := room.DecodeFrame(b)
	if err != nil && f.Stream == 0 {
		return // so short that nobody knows what it is about
	}
	m.mu.Lock()
	s := m.streams[f.Stream]
	m.mu.Unlock()
	switch {
	case s == nil && f.What == room.WhatReset:
	case s == nil && err == nil && f.What == room.WhatOpen:
		m.opened(f)
	case s == nil:
		m.refuse(f.Stream, "there is no such stream")
	case err != nil:
		s.reset(err.Error())
	default:
		s.receive(f)
	}
}

// opened takes a stream that the other side opens.
func (m *Mux) opened(f room.Frame) {
	m.mu.Lock()
	s := newStream(m, f.Stream)
	s.expected = 1
	var why string
	switch {
	case m.err != nil:
		why = m.err.Error()
	case f.Number != 0 || f.Stream == 0 || f.Stream%2 == m.next%2:
		why = "this stream is not for the other side to open"
	case len(m.streams) >= room.MaxStreams:
		why = ErrTooManyStreams.Error()
	default:
		m.streams[s.id] = s
	}
	m.mu.Unlock()
	if why != "" {
		m.refuse(f.Stream, why)
		return
	}
	m.accept(s)
}

func (m *Mux) refuse(stream uint32, why string) {
	_ = m.send(room.Frame{What: room.WhatReset, Stream: stream, Reason: why}, nil)
}

// forget lets go of a stream on which nothing comes any more.
func (m *Mux) forget(s *Stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams[s.id] == s {
		delete(m.streams, s.id)
	}
}

// Reset ends all streams, as after a loss that may have hit any of them, and says so to
// the other side. New ones can be opened.
func (m *Mux) Reset(why string) {
	for _, s := range m.all(nil) {
		s.reset(why)
	}
}

// Retire ends the streams that this side has opened: there is a better way now.
func (m *Mux) Retire() {
	for _, s := range m.all(nil) {
		if s.id%2 == m.next%2 {
			s.Close()
		}
	}
}

// Close ends all streams, and says nothing to the other side, which is gone.
func (m *Mux) Close(err error) {
	for _, s := range m.all(err) {
		s.fail(err)
	}
}

// all are the streams there are; with an error, there will be no others.
func (m *Mux) all(end error) (all []*Stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.err = end
	}
	for _, s := range m.streams {
		all = append(all, s)
	}
	return all
}
