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
			if c.long && testing.Short() {
				t.Skip("a longer one")
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
