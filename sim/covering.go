package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/sim/cover"
	"github.com/balsaraft/balsa/wire"
)

// covering counts the transitions that a world takes.
type covering struct{ *cover.Cover }

// Started implements world.Witness.
func (c covering) Started(_ time.Duration, _ string, id wire.MemberID, st raft.State) {
	c.Cover.Started(id, st)
}

// Did implements world.Witness.
func (c covering) Did(_ time.Duration, _ string, s raft.Status, e raft.Event, o raft.Orders) {
	c.Cover.Did(s, e, o)
}

// Said implements world.Witness.
func (c covering) Said(time.Duration, string, string) {}

// printCover tells which transitions were taken; gaps and surprises by name.
func printCover(out io.Writer, c *cover.Cover, all bool) {
	missing, surprises := c.Missing(), c.Unexpected()
	total := len(slices.Collect(cover.Expected()))
	fmt.Fprintf(out, "transitions of the algorithm: %d of %d were taken\n", total-len(missing), total)
	if all {
		taken := c.Taken()
		for _, line := range slices.Sorted(maps.Keys(byName(taken))) {
			fmt.Fprintln(out, " ", line)
		}
	}
	for _, t := range missing {
		fmt.Fprintf(out, "  never: %s\n", t)
	}
	for _, t := range surprises {
		fmt.Fprintf(out, "  not in the list of those that there are: %s\n", t)
	}
}

func byName(taken map[cover.Transition]int) map[string]bool {
	lines := map[string]bool{}
	for t, n := range taken {
		lines[fmt.Sprintf("%-50s %d", t, n)] = true
	}
	return lines
}
