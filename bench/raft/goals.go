package main

import (
	"fmt"
	"io"
	"slices"
)

// goal is a figure of this library's that is wanted, as a rule as a ratio to another's in
// the same round.
type goal struct {
	work, beside string
	better       better // higher: wanted is the least, lower: it is the most
	wanted       float64
	unit         string
	is           func() (float64, bool) // false if it was not measured
}

// The tables that goals are about, by which part made them.
const (
	toldThroughput = "throughput"
	toldOthers     = "others"
	toldFailover   = "failover"
	toldReopen     = "reopen"
)

// writeGoals says of each goal whether it was reached, as far as it was measured.
func writeGoals(out io.Writer, told map[string]*table) {
	var lines []string
	missed := 0
	for _, g := range goals(told) {
		is, ok := g.is()
		if !ok {
			continue
		}
		sign, verdict := "≥", "reached"
		if g.better == lower {
			sign = "≤"
		}
		if is != g.wanted && (g.better == higher) == (is < g.wanted) {
			verdict = "**missed**"
			missed++
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s%s | %s %s%s | %s |\n", g.work, g.beside, amount(is), g.unit, sign, amount(g.wanted), g.unit, verdict))
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(out, "\n## What was wanted\n\nOf %d goals %d were missed. A ratio is that of this library's figure to the other's, the median of the rounds.\n\n"+
		"| of Balsa | beside | is | wanted | |\n|---|---|---|---|---|\n", len(lines), missed)
	for _, line := range lines {
		fmt.Fprint(out, line)
	}
}

// goals are all there are. Those whose tables were not made cannot be told.
func goals(told map[string]*table) (all []goal) {
	all = slices.Concat(all, rates(told[toldThroughput]), costs(told[toldThroughput]))
	if t := told[toldOthers]; t != nil {
		rate := view{figure: perSecond, better: higher}
		all = append(all, t.besideRival(linearizable, "", rate, 2.0),
			goal{onFollower, "those on the leader", higher, 0.7, "×", func() (float64, bool) {
				return t.ownRatio(cell{row: onFollower}, perSecond, cell{row: onLeader}, perSecond)
			}})
	}
	if t := told[toldFailover]; t != nil {
		median := view{load: "failover", figure: p50, better: lower}
		all = append(all, t.besideRival("defaults", "leader killed to the next acknowledged write, ", median, 0.6),
			t.besideRival("LAN", "leader killed to the next acknowledged write, ", median, 0.8))
	}
	if t := told[toldReopen]; t != nil {
		all = append(all, reopeningGoals(t)...)
	}
	return all
}

// rates are those of proposals a second.
func rates(t *table) (all []goal) {
	if t == nil {
		return nil
	}
	rate := view{load: "propose", figure: perSecond, better: higher}
	for _, size := range []int{16, 256, 4096} {
		for _, want := range []struct {
			callers      int
			rival, floor float64
		}{{1, 1.05, 0.95}, {16, 1.3, 0.85}, {256, 2.2, 0.75}, {2048, 1.5, 0.80}} {
			if size == 4096 && want.callers == 256 {
				want.rival = 2.8
			}
			if size == 4096 && want.callers == 2048 {
				want.rival, want.floor = 2.0, 0.75
			}
			row := throughputRow(size, want.callers)
			all = append(all, t.besideRival(row, "proposals a second, ", rate, want.rival), t.besideFloor(row, "proposals a second, ", rate, want.floor))
		}
	}
	return all
}

// costs are those of what proposals take of time, processor and memory.
func costs(t *table) (all []goal) {
	if t == nil {
		return nil
	}
	tail := view{load: "propose", figure: p99, better: lower}
	cpu := view{load: "propose", figure: processorPerMillion, better: lower}
	memory := view{load: "propose", figure: peakMiB, better: lower}
	for _, size := range []int{16, 256, 4096} {
		few, many, crowd := throughputRow(size, 1), throughputRow(size, 256), throughputRow(size, 2048)
		all = append(all,
			t.besideRival(few, "99th percentile, ", tail, 1),
			t.besideRival(many, "99th percentile, ", tail, 0.6),
			t.besideRival(many, "processor time of a proposal, ", cpu, 0.5),
			t.besideFloor(many, "processor time of a proposal, ", cpu, 1.3),
			t.besideRival(crowd, "peak memory, ", memory, 0.7))
	}
	return all
}

// reopeningGoals are those of a log that is opened again, and of what it takes of the disk.
func reopeningGoals(t *table) (all []goal) {
	const bytes = 290
	for _, row := range t.rows {
		opened := view{load: "reopen", figure: seconds, better: lower}
		size := view{load: "fill", figure: diskPerEntry, better: lower}
		own := cell{row: row, load: "reopen"}
		all = append(all,
			t.besideRival(row, "down to the first write, ", opened, 0.8),
			goal{"down to the first write, " + row, "reading the files", lower, 1.5, "×", func() (float64, bool) {
				return t.ownRatio(own, seconds, own, readingSeconds)
			}},
			t.besideRival(row, "bytes on disk, ", size, 0.9),
			goal{"bytes on disk for an entry, " + row, "nobody", lower, bytes, " B", func() (float64, bool) {
				return t.median(cell{row, "balsa", "fill"}, diskPerEntry)
			}})
	}
	return all
}

// besideRival compares with whichever rival is the best.
func (t *table) besideRival(row, what string, v view, wanted float64) goal {
	best, ok := t.bestRival(row, v)
	return goal{what + row, "the best rival, " + best, v.better, wanted, "×", func() (float64, bool) {
		if !ok {
			return 0, false
		}
		return t.ratio(row, best, v)
	}}
}

func (t *table) besideFloor(row, what string, v view, wanted float64) goal {
	return goal{what + row, "the floor", v.better, wanted, "×", func() (float64, bool) { return t.ratio(row, "floor", v) }}
}

// ownRatio is the median of what one figure of this library's is to another in the same
// round.
func (t *table) ownRatio(a cell, figure Figure, b cell, other Figure) (float64, bool) {
	a.contestant, b.contestant = "balsa", "balsa"
	return ratioOf(t.cells[a], figure, t.cells[b], other)
}
