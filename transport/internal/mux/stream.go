package mux

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/room"
)

// Stream is a stream of bytes both ways. One goroutine reads and one writes at a time;
// Close may be called by any, more than once, and ends what the others wait for.
type Stream struct {
	m    *Mux
	id   uint32
	dead chan struct{} // closed when nothing more can be written

	writing atomic.Int32 // how many are in Write

	sending sync.Mutex // orders frames, and guards:
	sent    uint32     // the number of the next frame

	mu       sync.Mutex
	changed  *sync.Cond
	pieces   [][]byte // what came and was not read yet
	expected uint32   // the number of the next frame that comes
	window   int      // how much may still come
	taken    int      // read since credit was given last; window + taken + what is in pieces is room.Window
	credit   int      // how much may still be sent
	ended    bool     // nothing more comes
	finished bool     // nothing more is sent
	err      error    // why it is dead
	late     bool     // the deadline has passed
	timer    *time.Timer
}

// ErrLate says that a deadline has passed. It is a net.Error that says Timeout.
var ErrLate error = late{}

type late struct{}

func (late) Error() string   { return "the deadline has passed" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return true }

// creditEvery is how much is read before credit is given: seldom enough to cost
// little, often enough that the other side need not wait for it.
const creditEvery = room.Window / 4

func newStream(m *Mux, id uint32) *Stream {
	s := &Stream{m: m, id: id, dead: make(chan struct{}), window: room.Window, credit: room.Window}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// sendFrame numbers a frame and sends it. Only data may wait.
func (s *Stream) sendFrame(f room.Frame) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	f.Stream, f.Number = s.id, s.sent
	giveUp := s.dead
	if f.What != room.WhatData {
		giveUp = nil // the end must be told of a dead one, too
	}
	if err := s.m.send(f, giveUp); err != nil {
		return err
	}
	s.sent++
	return nil
}

// Read reads what has come. After the other side has ended, or a reset, what came
// before can still be read.
func (s *Stream) Read(p []byte) (int, error) {
	n, credit, err := s.take(p)
	if credit > 0 {
		_ = s.sendFrame(room.Frame{What: room.WhatCredit, Credit: uint32(credit)})
	}
	return n, err
}

func (s *Stream) take(p []byte) (n, credit int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pieces) == 0 {
		switch {
		case s.ended:
			return 0, 0, io.EOF
		case s.err != nil:
			return 0, 0, s.err
		case s.late:
			return 0, 0, ErrLate
		}
		s.changed.Wait()
	}
	for n < len(p) && len(s.pieces) > 0 {
		k := copy(p[n:], s.pieces[0])
		n += k
		if s.pieces[0] = s.pieces[0][k:]; len(s.pieces[0]) == 0 {
			s.pieces[0] = nil
			s.pieces = s.pieces[1:]
		}
	}
	s.taken += n
	if s.taken >= creditEvery && !s.ended && s.err == nil {
		credit, s.taken = s.taken, 0
		s.window += credit
	}
	return n, credit, nil
}

// Write sends p, as fast as the other side reads.
func (s *Stream) Write(p []byte) (n int, err error) {
	s.writing.Add(1)
	defer s.writing.Add(-1)
	for n < len(p) {
		size, err := s.spend(len(p) - n)
		if err != nil {
			return n, err
		}
		if err := s.sendFrame(room.Frame{What: room.WhatData, Data: p[n : n+size]}); err != nil {
			s.fail(err)
			return n, err
		}
		n += size
	}
	return n, nil
}

// spend waits for credit and takes some.
func (s *Stream) spend(want int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.credit == 0 && s.err == nil && !s.finished && !s.late {
		s.changed.Wait()
	}
	switch {
	case s.err != nil:
		return 0, s.err
	case s.finished:
		return 0, io.ErrClosedPipe
	case s.late:
		return 0, ErrLate
	}
	size := min(want, s.credit, room.MaxPiece)
	s.credit -= size
	return size, nil
}

// receive does what a frame says that came.
func (s *Stream) receive(f room.Frame) {
	if f.What == room.WhatReset {
		s.fail(fmt.Errorf("%w: %s", ErrReset, f.Reason))
		return
	}
	if broken := s.heard(f); broken != "" {
		s.reset(broken)
	}
}

// heard takes one frame, and says which rule it breaks.
func (s *Stream) heard(f room.Frame) (broken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Number != s.expected {
		return fmt.Sprintf("frame %d came where %d was to come", f.Number, s.expected)
	}
	s.expected++
	switch f.What {
	case room.WhatData:
		switch {
		case s.ended:
			return "data came after the end"
		case len(f.Data) > s.window:
			return "more came than there was credit for"
		}
		s.window -= len(f.Data)
		s.pieces = append(s.pieces, f.Data)
	case room.WhatCredit:
		if int64(s.credit)+int64(f.Credit) > room.Window {
			return "more credit came than was used"
		}
		s.credit += int(f.Credit)
	case room.WhatEnd:
		s.ended = true
		if s.finished {
			defer s.m.forget(s)
		}
	default:
		return "it was opened twice"
	}
	s.changed.Broadcast()
	return ""
}

// reset ends the stream because of a broken rule, and tells the other side.
func (s *Stream) reset(why string) {
	s.fail(fmt.Errorf("%w: %s", ErrReset, why))
	_ = s.sendFrame(room.Frame{What: room.WhatReset, Reason: why})
}

// fail ends the stream.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(err)
}

func (s *Stream) failLocked(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	close(s.dead)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.changed.Broadcast()
	s.m.forget(s)
}

// CloseWrite says that nothing more will be written.
func (s *Stream) CloseWrite() error {
	s.mu.Lock()
	if s.finished || s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	s.finished = true
	if s.ended {
		defer s.m.forget(s)
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	return s.sendFrame(room.Frame{What: room.WhatEnd})
}

// Close ends the stream both ways. What was written before still arrives.
func (s *Stream) Close() error {
	if s.writing.Load() == 0 {
		_ = s.CloseWrite()
	}
	s.mu.Lock()
	first, heardAll := s.err == nil, s.ended && s.finished
	s.pieces = nil
	s.failLocked(io.ErrClosedPipe)
	s.ended = false // a reader is told that it was closed
	s.mu.Unlock()
	if first && !heardAll {
		_ = s.sendFrame(room.Frame{What: room.WhatReset, Reason: "closed"})
	}
	return nil
}

// SetDeadline bounds reading and writing, with the zero time no longer.
func (s *Stream) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.late = false
	if t.IsZero() || s.err != nil {
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(t), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.timer == timer {
			s.late = true
			s.changed.Broadcast()
		}
	})
	s.timer = timer
	return nil
}
