package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Verdict is what a judge says of a key.
type Verdict struct {
	// Broken are the promises that were broken, each with the operations that show it.
	Broken []string
	// Undecided says that the search for an order took too long: nothing is known
	// beyond what single answers tell.
	Undecided bool
}

// Judge looks at all operations on one key, which had no value at first. It searches
// for at most the given time.
func Judge(ops []Op, patience time.Duration) Verdict {
	if broken := facts(ops); len(broken) > 0 {
		return Verdict{Broken: broken}
	}
	switch porcupine.CheckOperationsTimeout(model, operations(ops), patience) {
	case porcupine.Illegal:
		return Verdict{Broken: []string{"not linearizable:\n" + tell(ops)}}
	case porcupine.Unknown:
		return Verdict{Undecided: true}
	}
	return Verdict{}
}

// tell lists operations by when they began.
func tell(ops []Op) string {
	var b strings.Builder
	for _, o := range inCallOrder(ops) {
		fmt.Fprintf(&b, "  %s\n", o)
	}
	return b.String()
}

// facts are broken promises that need no search, and so name who is to blame: a value
// that nobody wrote, a write that happened though it was refused or happened twice,
// two writes in one place of the log, a read of less than was seen before.
func facts(ops []Op) (broken []string) {
	say := func(what string, ops ...Op) { broken = append(broken, what+":\n"+tell(ops)) }
	written := map[string]Op{}
	for _, o := range ops {
		if o.Kind == Put {
			written[o.Value] = o
		}
	}
	placed := map[Version]Op{}
	for _, o := range ops {
		if o.Kind == Get || o.Outcome != Done {
			continue
		}
		if other, taken := placed[o.Version]; taken {
			say("two writes have one version", other, o)
		}
		placed[o.Version] = o
	}
	at := map[string]Op{}
	for _, o := range ops {
		if o.Kind != Get || o.Outcome != Done {
			continue
		}
		put, ok := written[o.Value]
		switch {
		case !ok:
			say("a value that nobody wrote", o)
			continue
		case put.Outcome == Refused || put.Outcome == Different:
			say("a write happened that was said not to", put, o)
		case put.Outcome == Done && put.Version != o.Version:
			say("an acknowledged write is at another version: it happened twice", put, o)
		case put.Call > o.Return:
			say("a value was read before it was written", put, o)
		}
		if first, ok := at[o.Value]; ok && first.Version != o.Version {
			say("one write is read at two versions: it happened twice", first, o)
		}
		at[o.Value] = o
	}
	return append(broken, backwards(ops)...)
}

// backwards finds answers that came after a later state had been seen.
func backwards(ops []Op) (broken []string) {
	known := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return o.Outcome != Done })
	byCall, byReturn := inCallOrder(known), known
	slices.SortFunc(byReturn, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	var highest Op
	for _, o := range byCall {
		for len(byReturn) > 0 && byReturn[0].Return < o.Call {
			if byReturn[0].Version > highest.Version {
				highest = byReturn[0]
			}
			byReturn = byReturn[1:]
		}
		if o.Version < highest.Version {
			broken = append(broken, "an answer is older than one that came before it was asked:\n"+tell([]Op{highest, o}))
		}
	}
	return broken
}
