package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/balsaraft/balsa/sim/timeline"
	"github.com/balsaraft/balsa/sim/world"
)

// draw writes a world's timeline into a file.
func draw(t *timeline.Timeline, name string, o world.Options, r world.Result) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(t.Write(f, timeline.Verdict{
		Title: strings.Join(strings.Fields(fmt.Sprintf("%s world of seed %d", o.Mode, r.Seed)), " "),
		Err:   r.Err,
		Facts: fmt.Sprintf("%d events in %s of virtual time; troubles: %s; %v",
			r.Events, r.Elapsed.Round(time.Millisecond), strings.Join(r.Faults, ", "), r.Counts),
	}), f.Close())
}
