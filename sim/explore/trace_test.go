package main

import (
	"bytes"
	"testing"

	"github.com/balsaraft/balsa/sim/spec"
)

// The specification, written from the paper and not from the core, explains every event
// on the ways to all kinds of states.
func TestWaysFollowTheSpecification(t *testing.T) {
	for _, c := range small {
		t.Run(c.trouble, func(t *testing.T) {
			if c.long {
				t.Skip("its ways are like others")
			}
			e := newExplorer(c.bounds)
			if r := e.run(quiet); r.Err != nil {
				t.Fatal(r.Err)
			}
			events, step := 0, max(1, len(e.ways)/100)
			for number := len(e.ways) - 1; number > 0; number -= step {
				var trace bytes.Buffer
				if err := e.trace(uint32(number), &trace); err != nil {
					t.Fatal(err)
				}
				n, err := spec.Check(bytes.NewReader(trace.Bytes()))
				if events += n; err != nil {
					t.Fatalf("%v\n%s\n%s", err, tellAll(e.wayTo(uint32(number))), trace.Bytes())
				}
			}
			t.Logf("%d events", events)
		})
	}
}

// Long ways cross each other's terms, overwrite entries and come back from crashes.
func TestLongWaysFollowTheSpecification(t *testing.T) {
	b := bounds{Members: 3, Terms: 7, Entries: 7, Crashes: 8, Beats: 4, Unsaved: 2, Reconnects: 3, Transfers: 3}
	ways := 25
	if testing.Short() {
		ways = 10
	}
	events, most, reigns := 0, 0, 0
	for seed := range uint64(ways) {
		e := newExplorer(b)
		var trace bytes.Buffer
		if err := e.wander(seed, 600, &trace); err != nil {
			t.Fatal(err)
		}
		n, err := spec.Check(&trace)
		if events += n; err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		most, reigns = max(most, e.report.Commits), max(reigns, e.report.Leaders)
	}
	t.Logf("%d events, up to %d entries committed and %d reigns", events, most, reigns)
	if most < 3 || reigns < 3 {
		t.Errorf("the ways show too little: up to %d entries committed and %d reigns", most, reigns)
	}
}
