package tracing

import (
	"sync"

	"github.com/balsaraft/balsa"
	api "go.opentelemetry.io/otel/trace"
)

// followed are commands that were answered, and whose stages are still to come: the member
// tells of them once it has answered the whole batch.
type followed struct {
	mu       sync.Mutex
	commands []command
	stages   []balsa.Stages // the newest, for a command whose answer is looked at late
}

// command is a place in the log, and the span of who proposed what stands there.
type command struct {
	index balsa.Index
	span  api.SpanContext
}

// most is how many of each are kept; the oldest go.
const most = 1024

// holds says whether an index is among a batch's.
func holds(s balsa.Stages, i balsa.Index) bool {
	return s.At.Index > 0 && i >= s.At.Index && uint64(i-s.At.Index) <= s.Last-s.First
}

// take returns the commands of a batch, and forgets them.
func (f *followed) take(s balsa.Stages) (mine []command) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.commands[:0]
	for _, c := range f.commands {
		if holds(s, c.index) {
			mine = append(mine, c)
		} else {
			kept = append(kept, c)
		}
	}
	f.commands = kept
	f.stages = keepNewest(append(f.stages, s))
	return mine
}

// add follows a command, or returns the stages of its batch if they are known.
func (f *followed) add(c command) (s balsa.Stages, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.stages) - 1; i >= 0; i-- {
		if holds(f.stages[i], c.index) {
			return f.stages[i], true
		}
	}
	f.commands = keepNewest(append(f.commands, c))
	return s, false
}

func keepNewest[E any](all []E) []E {
	if len(all) > most {
		all = append(all[:0], all[len(all)-most/2:]...)
	}
	return all
}
