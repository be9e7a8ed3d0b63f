package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Names of what catchup finds.
const (
	alone = "before" // while the member is away
	while = "while"  // while it catches up
)

// tolerance is how many commands a member may lack that counts as caught up, while more
// are coming.
const tolerance = 256

// catchingUpMost is how long it may take.
const catchingUpMost = 2 * time.Minute

// catchup closes a follower, lets the others go on, opens it again, and measures how long
// it takes and what callers notice of it.
func catchup(ctx context.Context, job Job, m *meters) (result Result, err error) {
	c, err := job.open(ctx, keepLog)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	own := commands(job.Callers, job.Size)
	have, err := c.first(ctx, own[0])
	if err != nil {
		return nil, err
	}
	late := c.follower()
	if err := c.check(ctx, have); err != nil {
		return nil, err
	}
	if err := c.members[late].Close(); err != nil {
		return nil, err
	}
	c.members[late] = nil
	target := have + job.Behind/job.Size
	if err := fillTo(ctx, c.lead(), own, have, target); err != nil {
		return nil, fmt.Errorf("while the member is away: %w", err)
	}
	have = target
	l := load{
		callers: job.Callers, warm: job.Warm, measure: job.Measure,
		op: func(ctx context.Context, i int) error { return c.lead().Propose(ctx, own[i]) },
	}
	before, done, err := l.run(ctx, m)
	if err != nil {
		return nil, err
	}
	have += done
	began := timer()
	if c.members[late], err = c.open(c.configs[late]); err != nil {
		return nil, fmt.Errorf("open the member again: %w", err)
	}
	caught := make(chan struct{})
	var took time.Duration
	go func() {
		defer close(caught)
		for c.members[late].State().Count()+tolerance < c.lead().State().Count() && began() < catchingUpMost {
			time.Sleep(time.Millisecond)
		}
		took = began()
	}()
	l.warm, l.measure, l.enough = 0, catchingUpMost, caught
	during, done, err := l.run(ctx, m)
	<-caught
	if err != nil {
		return nil, fmt.Errorf("while it catches up, %d commands behind after %s (led still: %v): %w",
			c.lead().State().Count()-c.members[late].State().Count(), took, c.lead().Leads(), err)
	}
	if took >= catchingUpMost {
		return nil, fmt.Errorf("the member has not caught up after %s, %d commands behind", took, c.lead().State().Count()-c.members[late].State().Count())
	}
	during[seconds] = took.Seconds()
	during[mibPerSecond] = float64(job.Behind) / (1 << 20) / took.Seconds()
	return Result{alone: before, while: during}, c.check(ctx, have+done)
}
