// Command explore visits every state that a small cluster can be in: members made of the
// very core that servers run (raft.Raft), a network that loses, repeats and reorders, and
// disks that crashes take back to what was saved. After every input it judges whether a
// promise of the algorithm was broken: one leader a term, one vote a term also across
// crashes, matching logs, leaders that have all that was committed, a committed entry
// that never changes and that a quorum keeps on disk, reads that miss nothing.
//
//	go run ./sim/explore                                  # a small cluster, some seconds
//	go run ./sim/explore -terms 3 -entries 3 -crashes 1   # a larger one
//
//	go run ./sim/explore -crashes 1 -trace way.ndjson     # and the way to the farthest state
//
// It ends with 1 if a promise was broken, after the shortest way there.
//
// What it rests on: the core is deterministic, so that each input to each state of a
// member is played once, on a clone, and a cluster's state is the numbers of its members'
// states and of the messages that were sent. Two clusters that differ in nothing but who
// is who are one. Time is not told apart (member.moment). States are remembered by 64
// bits of digest: among ten million, the chance that two are taken for one is about one
// in 400,000.
//
// What is left out: snapshots and compaction, leases and all else that rests on clocks,
// saves that a crash tears in two, joining. The simulator plays those.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	b := bounds{Members: 3, Terms: 2, Entries: 2}
	flag.IntVar(&b.Members, "members", b.Members, "voters that found the cluster")
	flag.IntVar(&b.Terms, "terms", b.Terms, "no campaign begins beyond this term; the cluster is founded in term 1")
	flag.IntVar(&b.Entries, "entries", b.Entries, "no command is proposed to a log that is as long, the founding entry and one a reign included")
	flag.IntVar(&b.Crashes, "crashes", b.Crashes, "crashes in all")
	flag.IntVar(&b.Beats, "beats", b.Beats, "heartbeats of a reign")
	flag.IntVar(&b.Unsaved, "unsaved", b.Unsaved, "saves that a disk may be behind; 0: all are durable at once")
	flag.IntVar(&b.Reconnects, "reconnects", b.Reconnects, "new connections in all")
	flag.IntVar(&b.Transfers, "transfers", b.Transfers, "handovers in all")
	flag.IntVar(&b.Reads, "reads", b.Reads, "reads in all, 0 or 1")
	flag.IntVar(&b.Removals, "removals", b.Removals, "removals of members in all")
	flag.BoolVar(&b.PreVotes, "prevotes", false, "play pre-votes out instead of letting them be won at any time")
	flag.IntVar(&b.Depth, "depth", 0, "inputs in a row at most, 0 for as many as there are")
	flag.IntVar(&b.States, "states", 0, "stop after so many states, 0 for never")
	traceTo := flag.String("trace", "", "write the way to the farthest state to this `file`, as lines of JSON")
	verbose := flag.Bool("v", false, "tell of every level")
	flag.Parse()
	if err := b.check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	began := time.Now()
	e := newExplorer(b)
	r := e.run(func(depth, states, open int) {
		if *verbose {
			fmt.Printf("depth %d: %d states, %d of them new, %s\n", depth, states, open, time.Since(began).Round(time.Millisecond))
		}
	})
	fmt.Println(r)
	if *traceTo != "" {
		if err := e.writeTrace(*traceTo); err != nil {
			fmt.Fprintln(os.Stderr, "explore:", err)
			os.Exit(2)
		}
	}
	if r.Err != nil {
		for k, s := range r.Way {
			fmt.Printf("%4d  %s\n", k+1, s)
		}
		os.Exit(1)
	}
}

// writeTrace writes the way to the last state that was found, which is among the farthest.
func (e *explorer) writeTrace(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(e.trace(uint32(len(e.ways)-1), f), f.Close())
}

// String prints a report in a few lines.
func (r report) String() string {
	end := "complete"
	switch {
	case r.Err != nil:
		end = "BROKEN: " + r.Err.Error()
	case !r.Complete:
		end = "stopped"
	}
	return fmt.Sprintf("%s\nstates=%d transitions=%d depth=%d seconds=%.1f %s\n"+
		"one member: states=%d inputs=%d; messages=%d; at most %d entries committed, %d reigns",
		r.Bounds, r.States, r.Transitions, r.Depth, r.Elapsed.Seconds(), end, r.Members, r.Outcomes, r.Messages, r.Commits, r.Leaders)
}
