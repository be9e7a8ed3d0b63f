package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/sim/world"
)

// minimiseOne takes troubles away from a world, and time, as long as it still breaks. It
// need not break in the same way: without one trouble, the same seed is another world.
func minimiseOne(seed uint64, o world.Options) int {
	r := world.Run(seed, o)
	if r.Err == nil {
		fmt.Printf("seed %d breaks nothing: there is nothing to minimise\n", seed)
		return 0
	}
	breaks := func(o world.Options) bool { return world.Run(seed, o).Err != nil }
	for _, name := range r.Faults {
		less := o
		less.Without = append(slices.Clone(o.Without), name)
		if breaks(less) {
			o = less
		}
	}
	for length := 10 * time.Second; length >= 100*time.Millisecond; length = length * 4 / 5 {
		less := o
		less.Length = length
		if breaks(less) {
			o = less
		}
	}
	r = world.Run(seed, o)
	text, _, _ := strings.Cut(r.Err.Error(), "\n")
	fmt.Printf("%s\n  it takes: %s\n  go run ./sim -mode %s -seed %d -without %s -length %s -v\n",
		text, strings.Join(r.Faults, ", "), o.Mode, seed, strings.Join(o.Without, ","), o.Length)
	return 1
}
