package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// terms say how hard the simulator tries.
type terms struct {
	first      uint64
	seeds      int
	worldFirst bool
}

// bench is all judges and what is known of them.
type bench struct {
	planter *planter
	terms   terms
	trusted map[judge]bool // those content with the code as it is
}

// verdict is what became of a fault.
type verdict struct {
	caught bool
	by     judge
	seeds  uint64        // that the simulator played
	took   time.Duration // of the judge who caught it, or of all
	saw    string        // the line that says what broke
	tried  []judge
}

func (v verdict) String() string {
	took := v.took.Round(100 * time.Millisecond)
	switch {
	case !v.caught:
		return fmt.Sprintf("%v and %s brought nothing", v.tried, took)
	case v.by == simulator:
		return fmt.Sprintf("by the simulator after %d seeds, %s: %s", v.seeds, took, v.saw)
	}
	return fmt.Sprintf("by the tests of %s, %s: %s", v.by, took, v.saw)
}

// try brings a fault before its judge, and before the others if that one sees nothing.
func (b *bench) try(ctx context.Context, f fault) (verdict, error) {
	judges := []judge{f.by, simulator, "raft", judge(path.Dir(f.file)), "host"}
	if b.terms.worldFirst {
		judges = slices.Insert(judges, 0, simulator)
	}
	var v verdict
	for _, j := range judges {
		if slices.Contains(v.tried, j) {
			continue
		}
		if err := b.trust(ctx, j); err != nil {
			return v, err
		}
		overlay, err := b.planter.plant(f)
		if err != nil {
			return v, err
		}
		v.tried = append(v.tried, j)
		began := time.Now()
		saw, err := b.judge(ctx, j, overlay)
		v.took += time.Since(began)
		if err != nil {
			return v, err
		}
		if saw.broken {
			v.caught, v.by, v.seeds, v.saw, v.took = true, j, saw.seeds, saw.line, time.Since(began)
			return v, nil
		}
	}
	return v, nil
}

// trust sees to it that a judge has nothing against the code as it is.
func (b *bench) trust(ctx context.Context, j judge) error {
	if b.trusted[j] {
		return nil
	}
	saw, err := b.judge(ctx, j, "")
	switch {
	case err != nil:
		return err
	case saw.broken:
		return fmt.Errorf("the judge %s finds fault with the code as it is, so it proves nothing: %s", j, saw.line)
	}
	b.trusted[j] = true
	return nil
}

// sight is what a judge saw.
type sight struct {
	broken bool
	line   string
	seeds  uint64
}

// patience is how long a judge may take. A fault that lets it run on for ever is caught.
const patience = 4 * time.Minute

func (b *bench) judge(ctx context.Context, j judge, overlay string) (sight, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if j == simulator {
		return b.play(ctx, overlay)
	}
	return b.test(ctx, j, overlay)
}

// play builds the simulator and plays worlds until one breaks.
func (b *bench) play(ctx context.Context, overlay string) (sight, error) {
	program := filepath.Join(b.planter.dir, "sim")
	if out, err := b.run(ctx, "go", "build", "-overlay="+overlay, "-o", program, "./sim"); err != nil {
		return sight{}, fmt.Errorf("build the simulator: %w\n%s", err, out)
	}
	out, err := b.run(ctx, program, "-first", strconv.FormatUint(b.terms.first, 10), "-seeds", strconv.Itoa(b.terms.seeds), "-failures", "1")
	return b.saw(ctx, out, err)
}

// test runs the tests of a package and of those inside it.
func (b *bench) test(ctx context.Context, j judge, overlay string) (sight, error) {
	pattern := "./" + string(j)
	if j == "raft" {
		pattern += "/..."
	}
	out, err := b.run(ctx, "go", "test", "-vet=off", "-failfast", "-short", "-overlay="+overlay, pattern)
	if strings.Contains(out, "[build failed]") {
		return sight{}, fmt.Errorf("the tests of %s cannot be built: %s", j, out)
	}
	return b.saw(ctx, out, err)
}

func (b *bench) run(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = b.planter.root
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

var (
	seedOf = regexp.MustCompile(`-seed (\d+)`)
	tells  = regexp.MustCompile(`(?m)^(BROKEN: .*|panic: .*|\s+\S+_test\.go:\d+: .*|--- FAIL: .*|fatal error: .*)$`)
)

// saw reads what a judge has printed.
func (b *bench) saw(ctx context.Context, out string, err error) (sight, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return sight{}, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return sight{broken: true, line: fmt.Sprintf("it does not come to an end within %s", patience)}, nil
	case ctx.Err() != nil || !errors.As(err, &exit):
		return sight{}, errors.Join(ctx.Err(), err)
	}
	s := sight{broken: true, line: strings.TrimSpace(tells.FindString(out))}
	if s.line == "" {
		s.line = out[:min(len(out), 200)]
	}
	if m := seedOf.FindStringSubmatch(out); m != nil {
		seed, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			return s, err
		}
		s.seeds = seed - b.terms.first + 1
	}
	return s, nil
}
