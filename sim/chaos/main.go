//go:build linux

// Command chaos runs a cluster of real balsa processes on this machine, does to them
// what happens in machine rooms, and judges what callers saw.
//
//	go run ./sim/chaos -for 15m              # kills, pauses, cuts, bad disks under load
//	go run ./sim/chaos -for 5m -net kernel   # members in network namespaces (root)
//	go run ./sim/chaos -seed 7 -only pause,cut
//
// A run has chapters. In each, callers write and read keys over HTTP while faults
// happen as the seed says; at its end everything is healed, all members must come to
// one state, and the history of each key is searched for an order that explains it.
// The seed decides which faults come, for how long and after which pauses; when a
// process gets its turn is the system's business, so a seed repeats a schedule and not
// a run.
//
// It ends with 1 if a promise was broken; the members' files and logs stay then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options is what a run is told.
type options struct {
	length  time.Duration
	chapter time.Duration
	seed    uint64
	net     string
	only    string
	callers int
	race    bool
	verbose bool
	dir     string
	program string // the balsa command, built already
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.DurationVar(&o.length, "for", 2*time.Minute, "how long faults happen")
	flags.DurationVar(&o.chapter, "chapter", 20*time.Second, "how long until all is healed and judged; a fault lasts up to a quarter of it")
	flags.Uint64Var(&o.seed, "seed", 0, "decides the schedule of faults; 0 draws one and prints it")
	flags.StringVar(&o.net, "net", "proxy", "between members: proxy, or kernel for network namespaces with packet filters (root)")
	flags.StringVar(&o.only, "only", "", "only these faults, by the names that a run prints, separated by commas")
	flags.IntVar(&o.callers, "callers", 8, "how many callers ask at a time")
	flags.BoolVar(&o.race, "race", false, "build the members with the race detector")
	flags.BoolVar(&o.verbose, "v", false, "tell each fault when it happens")
	flags.StringVar(&o.dir, "dir", "", "keep files and logs in this empty directory; else they are temporary, and removed if all went well")
	flags.StringVar(&o.program, "balsa", "", "the balsa command; else it is built")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1 << 32)
	}
	if o.net != "proxy" && o.net != "kernel" {
		return o, fmt.Errorf("-net %s: it is proxy or kernel", o.net)
	}
	if o.chapter < time.Second || o.length < time.Second || o.callers < 1 {
		return o, errors.New("-for and -chapter must be a second or more, -callers one or more")
	}
	return o, checkNames(o.only)
}

// checkNames refuses faults that there are not.
func checkNames(only string) error {
	var known []string
	for _, f := range slices.Concat(processFaults, networkFaults) {
		known = append(known, f.name)
	}
	for name := range strings.SplitSeq(only, ",") {
		if only != "" && !slices.Contains(known, name) {
			return fmt.Errorf("-only %s: there is no fault %q; there are %s", only, name, strings.Join(known, ", "))
		}
	}
	return nil
}

func main() { os.Exit(command()) }

func command() int {
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 2
	}
	if !inRoom() {
		return outside(o)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	broken, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	case broken:
		return 1
	}
	return 0
}

// outside builds the command, finds a directory and goes on in a room of its own.
func outside(o options) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 1
	}
	keep := o.dir != ""
	dir, err := emptyDir(o.dir)
	if err != nil {
		return fail(err)
	}
	o.dir = dir
	if o.program == "" {
		program, err := build(o.dir, o.race)
		if err != nil {
			return fail(err)
		}
		o.program = program
	}
	code, err := enterRoom(o)
	if err != nil {
		return fail(err)
	}
	if code == 0 && !keep {
		os.RemoveAll(o.dir)
	} else {
		fmt.Printf("files and logs are in %s\n", o.dir)
	}
	return code
}

// emptyDir makes the directory of a run, a temporary one if none is named. Members would
// take what an earlier run has left for their own.
func emptyDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "balsa-chaos-")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	switch left, err := os.ReadDir(dir); {
	case err != nil:
		return "", err
	case len(left) > 0:
		return "", fmt.Errorf("-dir %s holds %s already, perhaps of an earlier run: name an empty directory, or one that is not there", dir, left[0].Name())
	}
	return dir, nil
}

func build(dir string, race bool) (string, error) {
	program := filepath.Join(dir, "balsa")
	args := []string{"build", "-o", program}
	if race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/balsaraft/balsa/cmd/balsa")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the balsa command (or give one with -balsa): %w: %s", err, strings.TrimSpace(string(out)))
	}
	return program, nil
}

// args are those that make the same options again.
func (o options) args() []string {
	return []string{
		"-for", o.length.String(), "-chapter", o.chapter.String(), "-seed", fmt.Sprint(o.seed), "-net", o.net, "-only", o.only,
		"-callers", fmt.Sprint(o.callers), fmt.Sprintf("-v=%t", o.verbose), "-dir", o.dir, "-balsa", o.program,
	}
}
