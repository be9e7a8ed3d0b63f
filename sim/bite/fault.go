package main

import (
	"fmt"
	"slices"
)

// fault is a few words of source that are replaced by others, and the promise that this
// breaks.
type fault struct {
	row  string // what has broken other systems in this way, or the rule that is broken
	what string // what the code does then
	file string // from the module's root
	old  string // stands in the file exactly once
	new  string
	by   judge // who is to catch it
}

func (f fault) String() string { return fmt.Sprintf("%-24s %-16s %s", f.row, f.by, f.what) }

// judge is the simulator, or a package whose tests judge.
type judge string

// simulator plays whole clusters, one world a seed.
const simulator judge = "sim"

// faults lists all, those of the algorithm first.
func faults() []fault {
	return slices.Concat(inElections, inReplication, inMembership, inReads, inSessions, inHost, inStates, inRestores, inOperations, inStorage, inRooms)
}
