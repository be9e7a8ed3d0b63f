// Command sim plays worlds: whole clusters with all their troubles, each decided by a
// seed, and tells which broke a promise.
//
//	go run ./sim -seeds 10000            # worlds of the seeds from 1 on
//	go run ./sim -seeds 1000 -first 5000
//	go run ./sim -seeds 1000 -cover      # and which transitions of the algorithm they took
//	go run ./sim -seed 4711 -v           # one world, a line an event
//	go run ./sim -seed 4711 -minimise    # what does it take?
//	go run ./sim -seed 4711 -trace FILE  # what each member did, for other judges
//	go run ./sim -seed 4711 -timeline FILE.html
//	go run ./sim -check FILE…            # traces of a world or of running members
//
// It ends with 1 if a promise was broken, after a line for each that replays it.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/balsaraft/balsa/sim/cover"
	"github.com/balsaraft/balsa/sim/timeline"
	"github.com/balsaraft/balsa/sim/world"
)

func main() {
	seeds := flag.Uint64("seeds", 1000, "how many worlds to play")
	first := flag.Uint64("first", 1, "the seed of the first")
	one := flag.Uint64("seed", 0, "play the world of this seed alone")
	mode := flag.String("mode", string(world.Swarm), "swarm, safety or liveness")
	verbose := flag.Bool("v", false, "with -seed: tell all that happens, a line an event")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "how many worlds to play at a time")
	without := flag.String("without", "", "troubles that do not exist, such as loss,kills; -v tells which there are")
	length := flag.Duration("length", 0, "shortens the act in which troubles strike")
	minimise := flag.Bool("minimise", false, "with -seed: find the fewest troubles and the shortest act that break it")
	traceFile := flag.String("trace", "", "with -seed: write the trace of all members to this file, for -check")
	lineFile := flag.String("timeline", "", "with -seed: draw the world into this file, a page of HTML")
	covered := flag.Bool("cover", false, "count which transitions of the algorithm the worlds take, and name those that none took")
	check := flag.Bool("check", false, "judge the traces in the files that are named")
	most := flag.Int("failures", 20, "stop after so many broken worlds")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		// Worlds are small and short-lived: a third of the time went into collecting them.
		debug.SetGCPercent(400)
	}
	if *check {
		os.Exit(checkFiles(flag.Args()))
	}
	o := world.Options{Mode: world.Mode(*mode), Length: *length}
	if *without != "" {
		o.Without = strings.Split(*without, ",")
	}
	if err := o.Check(); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(2)
	}
	if *one != 0 && *minimise {
		os.Exit(minimiseOne(*one, o))
	}
	if *one != 0 {
		os.Exit(playOne(*one, o, look{verbose: *verbose, trace: *traceFile, timeline: *lineFile}))
	}
	os.Exit(playMany(campaign{first: *first, seeds: *seeds, options: o, workers: *workers, most: *most, covered: *covered}))
}

// look is how closely one world is looked at.
type look struct {
	verbose  bool
	trace    string // the file for the trace of all members
	timeline string // the file for a drawing
}

// playOne plays one world and tells how it went.
func playOne(seed uint64, o world.Options, l look) int {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if l.verbose {
		o.Trace = out
	}
	var witnesses world.Witnesses
	taken := cover.New()
	if l.verbose {
		witnesses = append(witnesses, covering{taken})
	}
	if l.trace != "" {
		t, done, err := traceTo(l.trace)
		if err != nil {
			fmt.Fprintln(os.Stderr, "sim:", err)
			return 2
		}
		defer done()
		witnesses = append(witnesses, t)
	}
	drawn := timeline.New()
	if l.timeline != "" {
		witnesses = append(witnesses, drawn)
	}
	if len(witnesses) > 0 {
		o.Witness = witnesses
	}
	r := world.Run(seed, o)
	fmt.Fprintf(out, "seed=%d events=%d elapsed=%s digest=%016x %v\n", r.Seed, r.Events, r.Elapsed, r.Digest, r.Counts)
	if l.timeline != "" {
		if err := draw(drawn, l.timeline, o, r); err != nil {
			fmt.Fprintln(os.Stderr, "sim:", err)
			return 2
		}
	}
	if l.verbose {
		printCover(out, taken, false)
	}
	if r.Err != nil {
		fmt.Fprintln(out, r.Err)
		return 1
	}
	return 0
}
