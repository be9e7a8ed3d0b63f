package main

import (
	"errors"
	"fmt"
	"slices"
)

// step is an input on a way, for people.
type step struct {
	input input
	text  string // what happened
	after string // how the member stood then
}

// brokenPromise is a violation as an error.
func brokenPromise(v violation) error { return errors.New("explore: " + string(v)) }

// inputsTo lists the inputs that lead from the first state to one that was visited.
func (e *explorer) inputsTo(number uint32) []input {
	var all []input
	for n := number; n != 0; n = e.ways[n].from {
		all = append(all, e.ways[n].input)
	}
	slices.Reverse(all)
	return all
}

// wayTo tells them.
func (e *explorer) wayTo(number uint32) []step {
	var way []step
	s := e.first()
	for _, in := range e.inputsTo(number) {
		text := in.tell(e.messageOf(in))
		e.apply(&s, in)
		way = append(way, step{in, text, e.members.things[s.members[in.to]].String()})
	}
	return way
}

// String prints a step.
func (s step) String() string {
	if s.after == "" {
		return s.text
	}
	return fmt.Sprintf("%s\n        %s", s.text, s.after)
}
