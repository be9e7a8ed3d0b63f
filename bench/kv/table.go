package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// printTable prints medians, and how each load of Balsa's compares with its rival in the
// same round.
func printTable(loads []load, samples map[string][]sample) {
	fmt.Printf("\n| system | load | operations/s | p50 | p99 | processor of three members | × etcd |\n|---|---|---|---|---|---|---|\n")
	for _, l := range loads {
		all := samples[l.name]
		ratio := ""
		if l.against != "" {
			ratios := ratios(all, samples[l.against])
			ratio = fmt.Sprintf("**%.1f** (%.1f to %.1f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
		}
		fmt.Printf("| %s | %s | %.0f | %s | %s | %.0f µs | %s |\n", l.system, l.name,
			median(each(all, func(s sample) float64 { return s.perSecond })),
			brief(median(each(all, func(s sample) time.Duration { return s.p50 }))),
			brief(median(each(all, func(s sample) time.Duration { return s.p99 }))),
			micros(median(each(all, func(s sample) time.Duration { return s.server }))), ratio)
	}
}

// ratios compares round by round, so that a moment at which the machine was busy counts
// for both.
func ratios(own, rival []sample) (all []float64) {
	for i := range own {
		all = append(all, own[i].perSecond/rival[i].perSecond)
	}
	return all
}

func each[T any](all []sample, of func(sample) T) (values []T) {
	for _, s := range all {
		values = append(values, of(s))
	}
	return values
}

// median is the middle of some values, the upper one of two.
func median[T float64 | time.Duration](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func brief(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}
