package main

import (
	"io"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/trace"
	"github.com/balsaraft/balsa/wire"
)

// trace writes the way to a state that was visited, for the specification to judge.
func (e *explorer) trace(number uint32, out io.Writer) error {
	return e.follow(slices.Values(e.inputsTo(number)), e.first(), out)
}

// wander writes a way that is drawn: far longer ones than an exploration reaches, and
// one of many. The judge looks on, and panics with what is broken.
func (e *explorer) wander(seed uint64, inputs int, out io.Writer) error {
	chance := rand.New(rand.NewPCG(seed, 0))
	s := e.first()
	return e.follow(func(yield func(input) bool) {
		for range inputs {
			possible := slices.Collect(e.inputs(&s))
			if len(possible) == 0 {
				return
			}
			usual := slices.DeleteFunc(slices.Clone(possible), func(in input) bool { return in.kind != deliver && in.kind != saved && in.kind != propose })
			if len(usual) > 0 && chance.IntN(12) > 0 {
				possible = usual // mishaps are many, and would leave nothing else to happen
			}
			in := possible[chance.IntN(len(possible))]
			if !yield(in) {
				return
			}
			e.apply(&s, in)
		}
	}, s, out)
}

// follow tells of inputs, from a first state on.
func (e *explorer) follow(inputs iter.Seq[input], s state, out io.Writer) error {
	r := trace.NewRecorder(out, nil)
	for _, m := range e.things(&s) {
		r.Started(m.id, m.holds())
	}
	for in := range inputs {
		before := s
		e.tell(r, &before, in)
		e.told = func(answer input) { e.tell(r, &s, answer) }
		e.apply(&s, in)
		e.told = nil
	}
	return r.Err()
}

// tell plays an input once more, for the recorder to see all of it.
func (e *explorer) tell(r *trace.Recorder, s *state, in input) {
	m := e.members.things[s.members[in.to]]
	last := m
	for _, d := range play(m, in, e.messageOf(in), e.bounds.Unsaved == 0) {
		if d.started {
			r.Started(d.after.id, d.after.holds())
		} else {
			r.Did(d.after.status, d.event, d.orders)
		}
		last = d.after
	}
	if last.status.Term > m.status.Term {
		for k := range e.bounds.Members {
			if to := wire.MemberID(k + 1); to != last.id {
				r.Said(last.status, rumour(last.id, to, last.status.Term))
			}
		}
	}
}

// holds is what the member's disk would be found to hold, had it done all that it was
// asked for.
func (m *member) holds() raft.State { return raft.State{HardState: m.hard, Spans: spansOf(m.log)} }
