package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/anishathalye/porcupine"
)

// state is a key: its value, if it has one, and how far its versions have come.
type state struct {
	exists  bool
	value   string
	version Version // of the value; 0 if no caller ever learned it
	highest Version // of all changes so far
	lost    [2]int  // how many of each kind of interchangeable write have happened
	ended   bool    // all that was answered has happened
}

// input is an operation as the checker takes it.
type input struct {
	Op
	// Writes without a condition whose answers were lost and whose values nobody read
	// have the same effect, so it is enough to let them happen in the order in which
	// they were asked: turn counts them. Without this the checker would try all
	// subsets of them.
	turn  int
	alike int // which kind of them: a put or a delete; -1 for all other operations
	end   bool
}

// model is what the store promises of one key, an operation at a time.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(s, in, _ any) (bool, any) { return s.(state).step(in.(input)) },
	DescribeOperation: func(in, _ any) string {
		return in.(input).String()
	},
	DescribeState: func(s any) string { return fmt.Sprintf("%+v", s) },
}

// step says whether the store could give that answer in this state, and what it is
// in then.
func (s state) step(o input) (bool, state) {
	switch {
	case o.end:
		s.ended = true
		return true, s
	case o.Outcome == Unknown:
		return s.perhaps(o)
	}
	holds, missing := s.allows(o.Op)
	switch {
	case o.Kind == Get && o.Outcome == NotFound:
		return !s.exists, s
	case o.Kind == Get:
		return s.exists && s.value == o.Value && (s.version == 0 || s.version == o.Version), s
	case o.Outcome == NotFound:
		return missing, s
	case o.Outcome == Different:
		return !holds && !missing, s
	}
	// A version is the place in the one log, so it grows in the order of effects.
	return holds && !missing && o.Version > s.highest, s.changed(o.Op)
}

// allows says whether a write's condition holds, and whether there is no value that it
// would need.
func (s state) allows(o Op) (holds, missing bool) {
	switch o.Condition {
	case IfAbsent:
		return !s.exists, false
	case IfVersion:
		return s.exists && s.version == o.Expect, false
	}
	return true, o.Kind == Delete && !s.exists
}

// perhaps is a write whose answer was lost: it happens where it has an effect, or
// comes after the end, which is to say never.
func (s state) perhaps(o input) (bool, state) {
	if s.ended {
		return true, s
	}
	if holds, missing := s.allows(o.Op); !holds || missing {
		return false, s
	}
	if o.alike >= 0 {
		if o.turn != s.lost[o.alike] {
			return false, s
		}
		s.lost[o.alike]++
		o.Value = "" // nobody read it
	}
	return true, s.changed(o.Op)
}

func (s state) changed(o Op) state {
	s.highest = max(s.highest, o.Version)
	s.exists, s.value, s.version = true, o.Value, o.Version
	if o.Kind == Delete {
		s.exists, s.value, s.version = false, "", 0
	}
	return s
}

// operations are a key's history as the checker wants it. What an unknown write did is
// learned from who read its value: its version, and by when it had happened.
func operations(ops []Op) []porcupine.Operation {
	seen := firstReaders(ops)
	var all []porcupine.Operation
	var last int64
	var turns [2]int
	for _, o := range inCallOrder(ops) {
		if o.Outcome == Refused || o.Kind == Get && o.Outcome == Unknown {
			continue // without effect, and without an answer to explain
		}
		in := input{Op: o, alike: -1}
		if reader, ok := seen[o.Value]; ok && o.Outcome == Unknown && o.Kind == Put {
			in.Outcome, in.Version, in.Return = Done, reader.Version, max(reader.Return, o.Call)
		}
		if in.Outcome != Unknown {
			last = max(last, in.Return)
		} else if in.Return = math.MaxInt64; o.Condition == Always {
			in.alike = int(o.Kind - Put)
			in.turn = turns[in.alike]
			turns[in.alike]++
		}
		all = append(all, porcupine.Operation{ClientId: o.Client, Input: in, Call: o.Call, Return: in.Return})
	}
	return append(all, porcupine.Operation{Input: input{end: true}, Call: last + 1, Return: math.MaxInt64})
}

// firstReaders are the gets that returned first with a value.
func firstReaders(ops []Op) map[string]Op {
	seen := map[string]Op{}
	for _, o := range ops {
		if o.Kind != Get || o.Outcome != Done {
			continue
		}
		if first, ok := seen[o.Value]; !ok || o.Return < first.Return {
			seen[o.Value] = o
		}
	}
	return seen
}

func inCallOrder(ops []Op) []Op {
	return slices.SortedStableFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
}
