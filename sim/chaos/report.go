//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// report gathers what a run did and found. Any goroutine may use it.
type report struct {
	out     io.Writer
	verbose bool
	began   time.Time

	mu       sync.Mutex
	faults   map[string]int
	outcomes map[string]int    // what came of some of them
	notDone  map[string]string // by fault: why
	missed   map[string]int    // faults that found no occasion
	findings []string
	judged   judged
}

// judged counts what was judged.
type judged struct {
	keys, operations, written, unknown, refused, undecided int
}

const enoughFindings = 20

func newReport(out io.Writer, verbose bool) *report {
	return &report{out: out, verbose: verbose, began: time.Now(), faults: map[string]int{}, outcomes: map[string]int{}, notDone: map[string]string{}, missed: map[string]int{}}
}

func (r *report) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sayLocked(format, args...)
}

func (r *report) sayLocked(format string, args ...any) {
	fmt.Fprintf(r.out, "%8.3f "+format+"\n", append([]any{time.Since(r.began).Seconds()}, args...)...)
}

// detail is said where it was asked for.
func (r *report) detail(format string, args ...any) {
	if r.verbose {
		r.say(format, args...)
	}
}

// finding is a promise that was broken.
func (r *report) finding(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.findings = append(r.findings, what)
	if len(r.findings) <= enoughFindings {
		r.sayLocked("BROKEN %s", what)
	}
}

func (r *report) broken() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.findings) > 0
}

func (r *report) count(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[fault]++
}

// outcome counts what came of a fault that may end in several ways.
func (r *report) outcome(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[what]++
}

func (r *report) noOccasion(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed[fault]++
}

// skip says once, at the end, why a fault is not done here.
func (r *report) skip(fault, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notDone[fault] = why
}

func (r *report) judge(add func(*judged)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.judged)
}

// summary tells it all.
func (r *report) summary(o options) {
	r.mu.Lock()
	defer r.mu.Unlock()
	total := 0
	var each []string
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		total += r.faults[name]
		each = append(each, fmt.Sprintf("  %-20s %d", name, r.faults[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(r.outcomes)) {
		each = append(each, fmt.Sprintf("    %-18s %d", name, r.outcomes[name]))
	}
	j := r.judged
	fmt.Fprintf(r.out, "%d faults in %s, seed %d, -net %s:\n%s\n", total, time.Since(r.began).Round(time.Second), o.seed, o.net, strings.Join(each, "\n"))
	fmt.Fprintf(r.out, "%d operations on %d keys: %d writes acknowledged, %d refused, %d unknown\n", j.operations, j.keys, j.written, j.refused, j.unknown)
	if j.undecided > 0 {
		fmt.Fprintf(r.out, "%d histories were too hard to search through: of them only single answers were judged\n", j.undecided)
	}
	for _, name := range slices.Sorted(maps.Keys(r.missed)) {
		fmt.Fprintf(r.out, "found no occasion: %s, %d times\n", name, r.missed[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.notDone)) {
		fmt.Fprintf(r.out, "not done: %s: %s\n", name, r.notDone[name])
	}
	switch {
	case len(r.findings) == 0:
		fmt.Fprintln(r.out, "no promise was broken")
	case len(r.findings) > enoughFindings:
		fmt.Fprintf(r.out, "%d promises were broken; the first %d stand above\n", len(r.findings), enoughFindings)
	default:
		fmt.Fprintf(r.out, "%d promises were broken; they stand above\n", len(r.findings))
	}
}
