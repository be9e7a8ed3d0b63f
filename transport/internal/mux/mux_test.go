package mux

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/room"
)

// ends are two muxes with a queue between them each way, in a bubble of package
// synctest. lose says which frames do not arrive.
type ends struct {
	t        *testing.T
	a, b     *Mux
	accepted chan *Stream // at b
}

func join(t *testing.T, lose func(room.Frame) bool) *ends {
	e := &ends{t: t, accepted: make(chan *Stream, room.MaxStreams)}
	toA, toB := make(chan []byte, 1000), make(chan []byte, 1000)
	sender := func(to chan []byte) Sender {
		return func(f room.Frame, giveUp <-chan struct{}) error {
			if lose != nil && lose(f) {
				return nil
			}
			select {
			case to <- f.Append(nil):
				return nil
			case <-giveUp:
				return errors.New("gave up")
			}
		}
	}
	e.a = New(true, sender(toB), func(s *Stream) { s.Close() })
	e.b = New(false, sender(toA), func(s *Stream) { e.accepted <- s })
	pump := func(m *Mux, from chan []byte) {
		for b := range from {
			m.Receive(b)
		}
	}
	go pump(e.a, toA)
	go pump(e.b, toB)
	t.Cleanup(func() {
		e.a.Close(io.EOF)
		e.b.Close(io.EOF)
		synctest.Wait()
		close(toA)
		close(toB)
	})
	return e
}

// open opens a stream from a to b.
func (e *ends) open() (here, there *Stream) {
	e.t.Helper()
	here, err := e.a.Open()
	if err != nil {
		e.t.Fatal(err)
	}
	return here, <-e.accepted
}

func TestWhatIsWrittenIsReadBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		chance := rand.New(rand.NewPCG(1, 2))
		for range 5 {
			here, there := e.open()
			sent := make([]byte, 3<<20)
			for i := range sent {
				sent[i] = byte(chance.Uint32())
			}
			for _, way := range [][2]*Stream{{here, there}, {there, here}} {
				go func() {
					for rest := sent; len(rest) > 0; {
						n := min(len(rest), 1+chance.IntN(100<<10))
						if _, err := way[0].Write(rest[:n]); err != nil {
							t.Error(err)
							return
						}
						rest = rest[n:]
					}
					way[0].CloseWrite()
				}()
				got, err := io.ReadAll(way[1])
				if err != nil || !bytes.Equal(got, sent) {
					t.Fatalf("%d bytes of %d came, %v", len(got), len(sent), err)
				}
			}
			synctest.Wait()
		}
		if len(e.a.streams)+len(e.b.streams) != 0 {
			t.Errorf("all have ended, and %d and %d streams are kept", len(e.a.streams), len(e.b.streams))
		}
	})
}

func TestWhoDoesNotReadHoldsNoOtherStreamUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		slow, unread := e.open()
		written := 0
		done := make(chan error, 1)
		go func() {
			for {
				n, err := slow.Write(make([]byte, 1000))
				written += n
				if err != nil {
					done <- err
					return
				}
			}
		}()
		synctest.Wait()
		if written > room.Window || written < room.Window-1000 {
			t.Errorf("%d bytes were taken that nobody reads; the window is %d", written, room.Window)
		}
		quick, there := e.open()
		go quick.Write([]byte("hello"))
		if _, err := io.ReadFull(there, make([]byte, 5)); err != nil {
			t.Error(err)
		}
		unread.Close()
		if err := <-done; !errors.Is(err, ErrReset) {
			t.Errorf("the reader closed, and the writer was told %v", err)
		}
	})
}

func TestLastWordsArriveBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		here, there := e.open()
		there.Write([]byte("go away"))
		there.Close()
		synctest.Wait()
		if got, err := io.ReadAll(here); string(got) != "go away" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := here.Write([]byte("no")); !errors.Is(err, ErrReset) {
			t.Errorf("written to who has closed: %v", err)
		}
		if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read from what was closed: %v", err)
		}
	})
}

func TestCloseEndsWhatOthersWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		here, _ := e.open()
		ended := make(chan error, 2)
		go func() { _, err := here.Read(make([]byte, 1)); ended <- err }()
		go func() { _, err := here.Write(make([]byte, 2*room.Window)); ended <- err }()
		synctest.Wait()
		here.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("it ended with %v", err)
			}
		}
		here.Close()
	})
}

// The place where frames wait for a connection is full, and the connection stands still.
func TestCloseDoesNotWaitForTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		m := New(true, func(f room.Frame, giveUp <-chan struct{}) error {
			if f.What != room.WhatData {
				return nil
			}
			select {
			case <-stuck:
				return nil
			case <-giveUp:
				return errors.New("gave up")
			}
		}, nil)
		s, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { _, err := s.Write([]byte("x")); ended <- err }()
		synctest.Wait()
		s.Close()
		if err := <-ended; err == nil {
			t.Error("what could not be sent was written")
		}
	})
}

func TestALostFrameEndsItsStreamAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, func(f room.Frame) bool { return f.Stream == 1 && f.What == room.WhatData && f.Number == 2 })
		here, there := e.open()
		other, otherThere := e.open()
		for _, word := range []string{"one", "two", "six"} {
			here.Write([]byte(word))
		}
		synctest.Wait()
		got, err := io.ReadAll(there)
		if string(got) != "one" || !errors.Is(err, ErrReset) || !strings.Contains(err.Error(), "frame 3 came where 2 was to come") {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := here.Write([]byte("more")); !errors.Is(err, ErrReset) {
			t.Errorf("the writer was told %v", err)
		}
		other.Write([]byte("fine"))
		other.CloseWrite()
		if got, err := io.ReadAll(otherThere); string(got) != "fine" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		here, there := e.open()
		start := time.Now()
		here.SetDeadline(start.Add(time.Second))
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, ErrLate) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if _, err := here.Write(make([]byte, 2*room.Window)); !errors.Is(err, ErrLate) {
			t.Errorf("written with %v", err)
		}
		here.SetDeadline(time.Time{})
		go there.Write([]byte("x"))
		if _, err := here.Read(make([]byte, 1)); err != nil {
			t.Errorf("without a deadline again: %v", err)
		}
	})
}

func TestStreamsAreBoundedAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := join(t, nil)
		var open []*Stream
		for range room.MaxStreams {
			here, _ := e.open()
			open = append(open, here)
		}
		if _, err := e.a.Open(); !errors.Is(err, ErrTooManyStreams) {
			t.Errorf("one more: %v", err)
		}
		open[0].Close()
		synctest.Wait()
		e.open()
	})
}

// What comes may be anything that who knows the secret makes of it.
func TestBrokenRulesResetTheStream(t *testing.T) {
	data := func(number uint32, size int) room.Frame {
		return room.Frame{What: room.WhatData, Stream: 1, Number: number, Data: make([]byte, size)}
	}
	tooMuch := []room.Frame{{What: room.WhatOpen, Stream: 1}}
	for i := range uint32(room.Window/room.MaxPiece + 1) {
		tooMuch = append(tooMuch, data(i+1, room.MaxPiece))
	}
	for why, frames := range map[string][]room.Frame{
		"more came than there was credit for":           tooMuch,
		"data came after the end":                       {{What: room.WhatOpen, Stream: 1}, {What: room.WhatEnd, Stream: 1, Number: 1}, data(2, 1)},
		"more credit came than was used":                {{What: room.WhatOpen, Stream: 1}, {What: room.WhatCredit, Stream: 1, Number: 1, Credit: 1<<32 - 1}},
		"it was opened twice":                           {{What: room.WhatOpen, Stream: 1}, {What: room.WhatOpen, Stream: 1, Number: 1}},
		"frame 0 came where 1 was to come":              {{What: room.WhatOpen, Stream: 1}, {What: room.WhatOpen, Stream: 1}},
		"this stream is not for the other side to open": {{What: room.WhatOpen, Stream: 2}},
		"there is no such stream":                       {data(1, 1)},
		"malformed relayed frame: what 9 with 0 bytes":  {{What: room.WhatOpen, Stream: 1}, {What: 9, Stream: 1, Number: 1}},
	} {
		t.Run(why, func(t *testing.T) {
			var answers []room.Frame
			m := New(false, func(f room.Frame, _ <-chan struct{}) error { answers = append(answers, f); return nil }, func(*Stream) {})
			for _, f := range frames {
				m.Receive(f.Append(nil))
			}
			if len(answers) == 0 || answers[len(answers)-1].What != room.WhatReset || answers[0].Reason != why {
				t.Errorf("answered with %+v", answers)
			}
			if len(m.streams) != 0 {
				t.Errorf("%d streams are kept", len(m.streams))
			}
		})
	}
}

// Whatever comes in whatever order: nothing breaks, nothing waits, and memory stays in
// proportion.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x00\x00\x00\x00\x00\x00|\x02\x01\x00\x00\x00\x01\x00\x00\x00data|\x04\x01\x00\x00\x00\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(false, func(room.Frame, <-chan struct{}) error { return nil }, func(*Stream) {})
		for frame := range bytes.SplitSeq(b, []byte("|")) {
			m.Receive(frame)
		}
		kept := 0
		for _, s := range m.streams {
			for _, p := range s.pieces {
				kept += len(p)
			}
			if s.window < 0 || s.credit < 0 || s.credit > room.Window {
				t.Fatal(fmt.Sprint("window ", s.window, ", credit ", s.credit))
			}
		}
		if kept > len(b) || len(m.streams) > room.MaxStreams {
			t.Fatalf("%d bytes and %d streams are kept of %d bytes", kept, len(m.streams), len(b))
		}
		m.Close(io.EOF)
	})
}
