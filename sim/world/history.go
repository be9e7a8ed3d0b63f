package world

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what callers did and saw, for a judge that knows nothing of how it came
// about: at the end of a world all of it must be explained by one counter that does one
// thing at a time. The judge that looks on finds most of what is broken earlier, and says
// where; this one knows no log, no floor and no place, so that neither hides the other's
// mistakes.
//
// A command counts from when it was proposed until its caller was answered, or, if no
// answer came, until some member had run it: its effect was there then. One that nobody
// ran has not happened, which is what an unknown outcome allows and a refusal promises.
type history struct {
	tick   int64        // grows with everything that is noted: an order without ties
	writes []historical // of command i+1
	reads  []historical
}

// historical is an operation. It has not ended while until is 0.
type historical struct {
	from, until int64
	count       uint64 // commands that had run by then, by the answer or by the effect
}

// proposed notes that somebody proposes the next command.
func (h *history) proposed() {
	h.tick++
	h.writes = append(h.writes, historical{from: h.tick})
}

// ran notes that a member ran a command, the first time.
func (h *history) ran(number, count uint64) {
	h.tick++
	if w := &h.writes[number-1]; w.until == 0 {
		w.until, w.count = h.tick, count
	}
}

// answered notes what a caller was told.
func (h *history) answered(number, count uint64) {
	h.tick++
	w := &h.writes[number-1]
	w.until, w.count = h.tick, count
}

// asked is the moment of a question.
func (h *history) asked() int64 {
	h.tick++
	return h.tick
}

// saw notes what a linearizable read, asked at a moment, saw.
func (h *history) saw(from int64, count uint64) {
	h.tick++
	h.reads = append(h.reads, historical{from: from, until: h.tick, count: count})
}

// deed is an operation as the search knows it: a look at the counter, or a command that
// counts itself. Its output is the count that it saw.
type deed struct {
	look bool
	// looks are how many in all saw the count before a command's. They come before it in
	// any order, so the search, which knows nothing of what comes later, need not find
	// out by trying.
	looks uint32
}

// counting is a counter that does one thing at a time.
type counting struct {
	count uint64
	looks uint32 // at this count
}

// counterFrom is one that goes on from there.
func counterFrom(now counting) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return now },
		Step: func(state, input, output any) (bool, any) {
			now, o, seen := state.(counting), input.(deed), output.(uint64)
			switch {
			case o.look && seen == now.count:
				return true, counting{now.count, now.looks + 1}
			case !o.look && seen == now.count+1 && o.looks == now.looks:
				return true, counting{count: seen}
			}
			return false, state
		},
		Equal: func(a, b any) bool { return a.(counting) == b.(counting) },
		Hash:  func(state any) uint64 { return state.(counting).count },
	}
}

// searchTime bounds the search in one part. All counts are known, so that at each step
// only operations can be next between which there is nothing to choose: a thousandth of
// it is enough for a history that is right. What takes longer is undecided, and left to
// the other judge.
const searchTime = 5 * time.Second

// judge searches for an order of all operations that one counter explains.
func (h *history) judge() (undecided bool, err error) {
	var now counting
	for part := range h.parts() {
		model := counterFrom(now)
		switch porcupine.CheckOperationsTimeout(model, part, searchTime) {
		case porcupine.Unknown:
			undecided = true
		case porcupine.Illegal:
			return false, violation("no order of all operations explains what callers saw: " + blame(model, part))
		}
		now = now.after(part)
	}
	return undecided, nil
}

// after is the counter after all of some operations, in any order that explains them.
func (c counting) after(part []porcupine.Operation) counting {
	next := c
	for _, o := range part {
		if !o.Input.(deed).look {
			next.count++
			next.looks = 0
		}
	}
	for _, o := range part {
		if o.Input.(deed).look && o.Output.(uint64) == next.count {
			next.looks++
		}
	}
	return next
}

// parts cuts the history where nothing was under way: a search costs the square of what
// it searches through, and what was over before cannot come after.
func (h *history) parts() iter.Seq[[]porcupine.Operation] {
	const least = 32 // below that, parts cost more than they save
	var all []porcupine.Operation
	looks := map[uint64]uint32{}
	for _, r := range h.reads {
		looks[r.count]++
		all = append(all, porcupine.Operation{Input: deed{look: true}, Output: r.count, Call: r.from, Return: r.until})
	}
	for _, w := range h.writes {
		if w.until > 0 {
			all = append(all, porcupine.Operation{Input: deed{looks: looks[w.count-1]}, Output: w.count, Call: w.from, Return: w.until})
		}
	}
	slices.SortFunc(all, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return func(yield func([]porcupine.Operation) bool) {
		first, over := 0, int64(0)
		for k, o := range all {
			if o.Call > over && k >= first+least {
				if !yield(all[first:k]) {
					return
				}
				first = k
			}
			over = max(over, o.Return)
		}
		yield(all[first:])
	}
}

// Error says what was broken.
func (v violation) Error() string { return string(v) }

// blame tells which operations could be explained, and some of those that could not.
func blame(model porcupine.Model, all []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(model, all, searchTime)
	var best []int
	for _, order := range info.PartialLinearizations()[0] {
		if len(order) > len(best) {
			best = order
		}
	}
	explained := map[int]bool{}
	for _, k := range best {
		explained[k] = true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d are explained; then", len(best), len(all))
	const enough = 8
	told := 0
	for k, o := range all {
		if explained[k] || told == enough {
			continue
		}
		told++
		what := "a command ran as the %d. of all"
		if o.Input.(deed).look {
			what = "a read saw %d commands"
		}
		fmt.Fprintf(&b, "\n  "+what+", from moment %d to %d", o.Output, o.Call, o.Return)
	}
	return b.String()
}
