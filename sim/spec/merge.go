package spec

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/balsaraft/balsa/trace"
)

// merged reads traces as one: by time, and what is received after what is sent, because
// the clocks of two machines differ.
type merged []*source

// source is one trace, of one member or of many.
type source struct {
	lines *bufio.Scanner
	read  int // lines
	head  trace.Line
	done  bool
}

// longest is the longest line of a trace.
const longest = 1 << 24

func open(traces []io.Reader) (all merged, err error) {
	for _, t := range traces {
		s := &source{lines: bufio.NewScanner(t)}
		s.lines.Buffer(nil, longest)
		if err := s.advance(); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// advance reads the next event of a source.
func (s *source) advance() error {
	for s.lines.Scan() {
		s.read++
		s.head = trace.Line{}
		if err := json.Unmarshal(s.lines.Bytes(), &s.head); err != nil {
			return fmt.Errorf("read line %d of the trace: %w", s.read, err)
		}
		if s.head.Tag == trace.Tag {
			return nil
		}
	}
	s.done = true
	return s.lines.Err()
}

// next is the earliest event that may happen now, or the earliest of all if none may.
func (all merged) next(may func(trace.Event) bool) (e trace.Event, ok bool, err error) {
	var first, possible *source
	for _, s := range all {
		if s.done {
			continue
		}
		if first == nil || s.head.Time < first.head.Time {
			first = s
		}
		if (possible == nil || s.head.Time < possible.head.Time) && may(s.head.Event) {
			possible = s
		}
	}
	if possible != nil {
		first = possible
	}
	if first == nil {
		return e, false, nil
	}
	e = first.head.Event
	return e, true, first.advance()
}
