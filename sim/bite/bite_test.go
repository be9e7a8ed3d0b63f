package main

import (
	"context"
	"path/filepath"
	"testing"
)

// TestEachFaultFits holds the list together with the code: the text that a fault replaces
// stands in its file exactly once, and the fault says what it is.
func TestEachFaultFits(t *testing.T) {
	for _, f := range faults() {
		if f.row == "" || f.what == "" || f.by == "" || f.old == f.new {
			t.Errorf("%+v: a fault needs a row, what it does, a judge and another text", f)
		}
		if _, err := f.apply(filepath.Join("..", "..", filepath.FromSlash(f.file))); err != nil {
			t.Errorf("%s: %s: %v", f.row, f.what, err)
		}
	}
}

// TestSomeFaultsAreCaught plants three of them, for both kinds of judge.
func TestSomeFaultsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the simulator for each")
	}
	p, err := newPlanter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	b := bench{planter: p, terms: terms{first: 1, seeds: 40}, trusted: map[judge]bool{}}
	for _, what := range []string{
		"a vote is granted before it is durable",
		"the leader counts itself before its own disk has the entries",
		"a record's checksum does not cover its place",
	} {
		chosen := choose(faults(), what)
		if len(chosen) != 1 {
			t.Fatalf("%q: %d faults are like that, not one", what, len(chosen))
		}
		v, err := b.try(context.Background(), chosen[0])
		if err != nil {
			t.Fatal(err)
		}
		if !v.caught {
			t.Errorf("%s: %s: %s", chosen[0].row, what, v)
		}
	}
}
