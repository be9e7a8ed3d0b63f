package cluster

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

// Place is where a measurement makes its files, and which balsa it measures.
type Place struct{ dir, balsa string }

// Flags adds what a person may say of a place. Files are whose files those are.
func (p *Place) Flags(files string) {
	flag.StringVar(&p.dir, "dir", os.TempDir(), "where "+files+" are made, and removed at the end; it decides which disk is measured")
	flag.StringVar(&p.balsa, "balsa", "", "a balsa that is built already; else it is built from the sources around this module")
}

// Prepare makes a directory, which the caller removes, and builds the program if nobody gave one.
func (p Place) Prepare(ctx context.Context) (dir, program string, err error) {
	if dir, err = os.MkdirTemp(p.dir, "balsa-bench-"); err != nil {
		return "", "", err
	}
	if program = p.balsa; program == "" {
		if program, err = Build(ctx, dir); err != nil {
			os.RemoveAll(dir)
			return "", "", err
		}
	}
	return dir, program, nil
}

// Main does what a measurement's flags say, until it ends or somebody interrupts it.
func Main(name string, run func(context.Context) error) {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
