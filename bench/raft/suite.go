package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	processes "github.com/balsaraft/balsa/bench/internal/cluster"
)

// suite is one run of the comparison.
type suite struct {
	settings
	who      []contestant
	progress io.Writer
	problems []error           // measurements that failed; the others go on
	told     map[string]*table // what goals are about
}

// tell keeps a table for the goals.
func (s *suite) tell(name string, t *table) {
	if s.told == nil {
		s.told = map[string]*table{}
	}
	s.told[name] = t
}

// row is what all contestants do once in each round.
type row struct {
	name string
	job  Job // without contestant, directory and addresses
	// members is how many there are, 3 if it is 0.
	members int
}

// table is what rows have shown: by row, contestant and load, one for each round.
type table struct {
	rows  []string
	who   []contestant
	cells map[cell][]Figures
}

type cell struct{ row, contestant, load string }

// measure has all rows done, some rounds, contestants in turns.
func (s *suite) measure(ctx context.Context, rounds int, who []contestant, rows []row) (*table, error) {
	t := &table{who: who, cells: map[cell][]Figures{}}
	for _, r := range rows {
		t.rows = append(t.rows, r.name)
	}
	for round := range rounds {
		for _, r := range rows {
			for _, w := range who {
				result, err := s.do(ctx, r, w, t)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if err != nil {
					s.problems = append(s.problems, fmt.Errorf("%s, %s: %w", r.name, w.name, err))
					fmt.Fprintf(s.progress, "round %d, %s, %s FAILED: %v\n", round+1, r.name, w.name, err)
					continue
				}
				for _, load := range slices.Sorted(maps.Keys(result)) {
					f := result[load]
					fmt.Fprintf(s.progress, "round %d, %s, %s, %s: %s\n", round+1, r.name, w.name, load, brief(f))
				}
			}
		}
	}
	return t, nil
}

// do has a contestant do a row once, in a directory that is gone afterwards.
func (s *suite) do(ctx context.Context, r row, w contestant, t *table) (Result, error) {
	dir, err := os.MkdirTemp(s.dir, "balsa-bench-raft-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	job := r.job
	job.Contestant = w.name
	if job.Dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	members := r.members
	if members == 0 {
		members = 3
	}
	if job.Addrs, err = processes.Addrs(members); err != nil {
		return nil, err
	}
	// A measurement that hangs must not take the others with it.
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, errors.New("it took longer than -limit"))
	defer cancel()
	result, err := job.run(ctx)
	if job.Kind == "fill" && err == nil { // what it left is opened by a process of its own
		result["reopen"], err = job.reopened(ctx)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = errors.Join(cause, err)
		}
		return nil, err
	}
	for load, f := range result {
		c := cell{r.name, w.name, load}
		t.cells[c] = append(t.cells[c], f)
	}
	return result, nil
}

// reopened has a process of its own open what another has filled. The system's cache holds
// nothing of it, whoever wrote it through the cache and whoever past it.
func (job Job) reopened(ctx context.Context) (Figures, error) {
	reading, err := coldly(job.Dir)
	if err != nil {
		return nil, fmt.Errorf("read the files: %w", err)
	}
	job.Kind = "reopen"
	opened, err := job.run(ctx)
	if err != nil {
		return nil, err
	}
	f := opened["reopen"]
	f[readingSeconds] = reading.Seconds()
	return f, nil
}

// brief is figures in a line.
func brief(f Figures) string {
	line := ""
	for _, figure := range []Figure{perSecond, p50, p99, slowest, processorPerMillion, peakMiB, residentMiB, entriesPerSync, bytesPerEntry, diskPerEntry, readingSeconds, mibPerSecond, seconds} {
		if v, ok := f[figure]; ok {
			line += fmt.Sprintf("%s %s  ", amount(v), figure)
		}
	}
	return line
}

// settings are what a run is to do.
type settings struct {
	dir     string
	parts   []string
	sizes   []int
	callers []int
	rounds  int
	measured,
	warm, limit time.Duration
	entries  int
	lengths  []int
	behind   int
	kills    int
	loads    []string // of part others, all if it is empty
	profile  string   // a directory, or none
	profiles []string // which ones
}
