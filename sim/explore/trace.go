package main

import (
	"io"

	"github.com/balsaraft/balsa/sim/spec"
	"github.com/balsaraft/balsa/wire"
)

// trace writes the way to a state that was visited, for the specification to judge.
func (e *explorer) trace(number uint32, out io.Writer) error {
	r := spec.NewRecorder(out)
	s := e.first()
	for _, m := range e.things(&s) {
		r.Started(m.status, m.hard.Vote, termsOf(m.log))
	}
	for _, in := range e.inputsTo(number) {
		before := s
		e.tell(r, &before, in)
		e.told = func(answer input) { e.tell(r, &s, answer) }
		e.apply(&s, in)
		e.told = nil
	}
	return r.Err()
}

// tell plays an input once more, for the recorder to see all of it.
func (e *explorer) tell(r *spec.Recorder, s *state, in input) {
	m := e.members.things[s.members[in.to]]
	last := m
	for _, d := range play(m, in, e.messageOf(in), e.bounds.Unsaved == 0) {
		if d.started {
			r.Started(d.after.status, d.after.hard.Vote, termsOf(d.after.log))
		} else {
			r.Did(d.before.status, d.after.status, d.event, d.orders)
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

func termsOf(log []entry) []wire.Term {
	all := make([]wire.Term, len(log))
	for k, e := range log {
		all[k] = e.term
	}
	return all
}
