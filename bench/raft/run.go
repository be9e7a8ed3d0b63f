package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	processes "github.com/balsaraft/balsa/bench/internal/cluster"
)

// run does what the flags ask for, and writes a document of it.
func run(ctx context.Context, args []string) error {
	s := &suite{progress: os.Stderr}
	var only []string
	quick := false
	path := ""
	flags := flag.NewFlagSet("raft", flag.ExitOnError)
	s.sizes, s.callers, s.lengths = []int{16, 256, 4096}, []int{1, 16, 256, 2048}, []int{1_000, 10_000, 100_000, 1_000_000, 10_000_000}
	s.profiles = []string{"cpu"}
	for _, p := range parts {
		s.parts = append(s.parts, p.name)
	}
	flags.BoolVar(&quick, "quick", false, "a look in about 5 minutes: fewer sizes, callers and rounds; flags after it still count")
	flags.StringVar(&path, "out", "", "the file that the Markdown goes to (default: standard output)")
	flags.StringVar(&s.dir, "dir", os.TempDir(), "where the members' files are made, and removed again; it decides which disk is measured")
	flags.Func("only", "contestants, such as balsa,floor (default: all)", words(&only))
	flags.Func("parts", "what is measured (default "+strings.Join(s.parts, ",")+")", words(&s.parts))
	flags.Func("sizes", "bytes of a command in part throughput (default 16,256,4096)", numbers(&s.sizes))
	flags.Func("callers", "how many callers there (default 1,16,256,2048)", numbers(&s.callers))
	flags.Func("loads", "pieces of the names of the loads in part others, such as follower,lease (default: all)", words(&s.loads))
	flags.IntVar(&s.rounds, "rounds", 3, "how many rounds of parts throughput and others; medians are told")
	flags.StringVar(&s.profile, "profile", "", "a directory for profiles of each contestant's runs of parts throughput and others")
	flags.Func("profiles", "which ones, of allocs, block, cpu, mutex and trace (default cpu)", words(&s.profiles))
	flags.DurationVar(&s.measured, "measure", 700*time.Millisecond, "for how long a load is measured")
	flags.DurationVar(&s.warm, "warm", 500*time.Millisecond, "for how long it runs before that")
	flags.DurationVar(&s.limit, "limit", 4*time.Minute, "how long a single measurement may take until it counts as failed")
	flags.IntVar(&s.entries, "entries", 1_000_000, "how long the log is in part reopen")
	flags.Func("lengths", "how long the log is in part length (default 1000 to 10000000; 100000000 takes 20 GB of disk)", numbers(&s.lengths))
	flags.IntVar(&s.behind, "behind", 1<<30, "bytes that a member lags in part catchup")
	flags.IntVar(&s.kills, "kills", 3, "how many leaders are killed in part failover")
	if i := slices.IndexFunc(args, func(a string) bool { return strings.TrimLeft(a, "-") == "quick" }); i >= 0 {
		flags.Parse(args[:0]) // sets all defaults
		s.quick()
	}
	flags.Parse(args)
	var err error
	if s.who, err = byName(only); err != nil {
		return err
	}
	if err := checkProfiles(s.profiles); err != nil {
		return err
	}
	var document bytes.Buffer
	if err := s.run(ctx, &document); err != nil {
		return err
	}
	if path == "" {
		_, err = os.Stdout.Write(document.Bytes())
	} else {
		err = os.WriteFile(path, document.Bytes(), 0o644)
	}
	return errors.Join(append(s.problems, err)...)
}

// run runs the parts one after the other.
func (s *suite) run(ctx context.Context, out io.Writer) error {
	began := time.Now()
	if err := s.writeHead(out); err != nil {
		return err
	}
	var tables bytes.Buffer
	for _, name := range s.parts {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("no part is called %q", name)
		}
		if err := parts[i].run(ctx, s, &tables); err != nil {
			return fmt.Errorf("part %s: %w", name, err)
		}
	}
	writeGoals(out, s.told)
	if _, err := tables.WriteTo(out); err != nil {
		return err
	}
	s.writeSettings(out)
	fmt.Fprintf(out, "\nMeasured in %s.\n", time.Since(began).Round(time.Second))
	return nil
}

// writeHead says where and when.
func (s *suite) writeHead(out io.Writer) error {
	d, err := probeDisk(s.dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "# Beside other Raft libraries, and beside a floor\n\nWritten by `go run ./raft` in [bench](../bench); [benchmarks.md](benchmarks.md) says how it is measured.\n\n%s; %s. Every write is synced for real; one of 4 KiB with its sync takes %s over blocks written before, and %s at the end of a file that grows.\n",
		time.Now().UTC().Format("2 January 2006 15:04 UTC"), processes.Machine(), micro(d.over), micro(d.growing))
	return nil
}

// writeSettings says how contestants were set up.
func (s *suite) writeSettings(out io.Writer) {
	fmt.Fprint(out, "\n## Settings\n\n")
	for _, w := range s.who {
		fmt.Fprintf(out, "- **%s**: %s.\n", w.name, w.settings)
	}
	for _, p := range s.problems {
		fmt.Fprintf(out, "\nFailed: %s\n", firstLine(p.Error()))
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// words reads words with commas between them.
func words(into *[]string) func(string) error {
	return func(v string) error {
		*into = strings.Split(v, ",")
		return nil
	}
}

// numbers reads numbers with commas between them.
func numbers(into *[]int) func(string) error {
	return func(v string) error {
		*into = nil
		for field := range strings.SplitSeq(v, ",") {
			n, err := strconv.Atoi(field)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a number above 0", field)
			}
			*into = append(*into, n)
		}
		return nil
	}
}
