package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// view is a table as it is shown: one figure of one load.
type view struct {
	title  string
	load   string
	figure Figure
	better better
}

// better says which of two figures is the better one.
type better int

const (
	neither better = iota
	higher
	lower
)

// write writes a table with a row for each row and a column for each contestant, and how
// this library's compares with the best rival's and with the floor's.
func (t *table) write(out io.Writer, v view) {
	fmt.Fprintf(out, "\n**%s**\n\n| |", v.title)
	for _, w := range t.who {
		fmt.Fprintf(out, " %s |", w.name)
	}
	compared := t.compared(v)
	for _, c := range compared {
		fmt.Fprintf(out, " %s |", c.title)
	}
	fmt.Fprintf(out, "\n|---%s|\n", strings.Repeat("|---", len(t.who)+len(compared)))
	for _, r := range t.rows {
		fmt.Fprintf(out, "| %s |", r)
		for _, w := range t.who {
			value, ok := t.median(cell{r, w.name, v.load}, v.figure)
			fmt.Fprintf(out, " %s |", orNone(amount(value), ok))
		}
		for _, c := range compared {
			ratio, ok := c.of(r)
			fmt.Fprintf(out, " %s |", orNone("**"+amount(ratio)+"×**", ok))
		}
		fmt.Fprintln(out)
	}
}

// writeShort writes what a reader wants first: this library, the best rival, and ratios.
func (t *table) writeShort(out io.Writer) {
	rate, tail := view{"", "propose", perSecond, higher}, view{"", "propose", p99, lower}
	comparisons := t.compared(rate)
	if len(comparisons) < 2 { // a run of only some contestants
		return
	}
	fmt.Fprintf(out, "\n**In short**: proposals a second, of this library and of whichever rival is the fastest there\n\n"+
		"| | balsa | the fastest rival | to it | to the floor | 99th percentile, to the best rival's |\n|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		own, there := t.median(cell{r, "balsa", rate.load}, perSecond)
		best, has := t.bestRival(r, rate)
		theirs, _ := t.median(cell{r, best, rate.load}, perSecond)
		fmt.Fprintf(out, "| %s | %s | %s |", r, orNone(amount(own), there), orNone(amount(theirs)+" ("+best+")", has))
		for _, c := range append(comparisons, t.compared(tail)[0]) {
			ratio, ok := c.of(r)
			fmt.Fprintf(out, " %s |", orNone(fmt.Sprintf("%.2f×", ratio), ok))
		}
		fmt.Fprintln(out)
	}
}

// comparison is a column that says how many times another's figure this library's is.
type comparison struct {
	title string
	of    func(row string) (float64, bool)
}

func (t *table) compared(v view) (all []comparison) {
	has := func(f func(contestant) bool) bool { return slices.ContainsFunc(t.who, f) }
	own := has(func(c contestant) bool { return c.name == "balsa" })
	if !own || v.better == neither {
		return nil
	}
	if has(func(c contestant) bool { return c.rival }) {
		all = append(all, comparison{"balsa to the best rival", func(r string) (float64, bool) {
			best, ok := t.bestRival(r, v)
			if !ok {
				return 0, false
			}
			return t.ratio(r, best, v)
		}})
	}
	if has(func(c contestant) bool { return c.mark }) {
		all = append(all, comparison{"balsa to the floor", func(r string) (float64, bool) { return t.ratio(r, "floor", v) }})
	}
	return all
}

// bestRival is whose median is the best.
func (t *table) bestRival(row string, v view) (name string, ok bool) {
	var best float64
	for _, w := range t.who {
		value, there := t.median(cell{row, w.name, v.load}, v.figure)
		if !w.rival || !there {
			continue
		}
		if !ok || (v.better == higher) == (value > best) {
			name, best, ok = w.name, value, true
		}
	}
	return name, ok
}

// ratio is the median of what this library's figure is to another's in the same round.
func (t *table) ratio(row, other string, v view) (float64, bool) {
	return ratioOf(t.cells[cell{row, "balsa", v.load}], v.figure, t.cells[cell{row, other, v.load}], v.figure)
}

// ratioOf is the median of what a figure is to another one in the same round.
func ratioOf(some []Figures, figure Figure, others []Figures, other Figure) (float64, bool) {
	var ratios []float64
	for i := range min(len(some), len(others)) {
		a, ok := some[i][figure]
		b, there := others[i][other]
		if ok && there && b != 0 {
			ratios = append(ratios, a/b)
		}
	}
	return median(ratios), len(ratios) > 0
}

func (t *table) median(c cell, figure Figure) (float64, bool) {
	var all []float64
	for _, f := range t.cells[c] {
		if v, ok := f[figure]; ok {
			all = append(all, v)
		}
	}
	return median(all), len(all) > 0
}

// byLoad makes a row of each load of a row.
func (t *table) byLoad(row string) *table {
	made := &table{who: t.who, cells: map[cell][]Figures{}}
	for _, load := range otherNames {
		there := false
		for c, f := range t.cells {
			if c.row == row && c.load == load {
				made.cells[cell{load, c.contestant, ""}] = f
				there = true
			}
		}
		if there {
			made.rows = append(made.rows, load)
		}
	}
	return made
}

// writeLosses lists where a rival's figure is better.
func (t *table) writeLosses(out io.Writer, views ...view) {
	var losses []string
	for _, v := range views {
		for _, r := range t.rows {
			best, ok := t.bestRival(r, v)
			if !ok {
				continue
			}
			ratio, ok := t.ratio(r, best, v)
			if ok && (v.better == higher) == (ratio < 1) && ratio != 1 {
				losses = append(losses, fmt.Sprintf("- %s: %.2f times %s's %s.", r, ratio, best, v.figure))
			}
		}
	}
	if len(losses) == 0 {
		losses = []string{"Nowhere in these tables."}
	}
	fmt.Fprintf(out, "\n**Where Balsa loses to a rival**\n\n%s\n", strings.Join(losses, "\n"))
}

// writeLengths writes a row for each length of a log.
func (t *table) writeLengths(out io.Writer, lengths []int) {
	fmt.Fprint(out, "\n| entries | proposals a second | median, ms | 99th percentile, ms | memory afterwards, MiB |\n|---|---|---|---|---|\n")
	for _, n := range lengths {
		c := cell{"length", "balsa", lengthName(n)}
		fmt.Fprintf(out, "| %s |", thousands(n))
		for _, figure := range []Figure{perSecond, p50, p99, residentMiB} {
			v, ok := t.median(c, figure)
			fmt.Fprintf(out, " %s |", orNone(amount(v), ok))
		}
		fmt.Fprintln(out)
	}
}

// median is the middle of some values, the mean of the middle two, 0 of none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// amount writes a number with about three digits that mean something.
func amount(v float64) string {
	switch {
	case v >= 100:
		return thousands(int(math.Round(v)))
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// several counts things.
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

func bytesName(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

func orNone(s string, there bool) string {
	if !there {
		return "–"
	}
	return s
}
