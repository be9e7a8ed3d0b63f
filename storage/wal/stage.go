package wal

import "github.com/balsaraft/balsa/wire"

// staged is what the next flush will write, in the order in which it will: the reset,
// term and vote, batches, the compaction. Term and vote come before entries, so that
// a torn flush never leaves entries of a term that the member does not know.
type staged struct {
	resets  bool
	start   wire.Pos // where the reset goes on after
	hard    bool     // term and vote are to be written
	batches []wire.Batch
	compact wire.Pos // zero if nothing is
}

func (s *staged) empty() bool {
	return !s.resets && !s.hard && len(s.batches) == 0 && s.compact == wire.Pos{}
}

// truncate drops the entries from first on.
func (s *staged) truncate(first wire.Index) {
	for n := len(s.batches); n > 0 && s.batches[n-1].Last() >= first; n = len(s.batches) {
		b := s.batches[n-1]
		s.batches[n-1] = nil
		s.batches = s.batches[:n-1]
		if b.First() < first {
			s.batches = append(s.batches, b.Until(first-1))
			return
		}
	}
}

// reset drops everything but term and vote.
func (s *staged) reset(start wire.Pos) {
	clear(s.batches)
	*s = staged{resets: true, start: start, hard: s.hard, batches: s.batches[:0]}
}

// then adds what was staged later.
func (s *staged) then(later staged) {
	if later.resets {
		s.reset(later.start)
	}
	s.hard = s.hard || later.hard
	for _, b := range later.batches {
		s.truncate(b.First())
		s.batches = append(s.batches, b)
	}
	if later.compact.Index > 0 {
		s.compact = later.compact
	}
}
