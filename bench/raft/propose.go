package main

import (
	"context"
	"errors"
	"fmt"
)

// propose is the load that the yardstick is made of: callers on the leader, each of
// which waits until its command is on a majority's disks and applied.
func propose(ctx context.Context, job Job, m *meters) (result Result, err error) {
	c, err := job.open(ctx, asItIs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	own := commands(job.Callers, job.Size)
	before, err := c.first(ctx, own[0])
	if err != nil {
		return nil, err
	}
	stop, err := job.profile(fmt.Sprintf("propose %d B %d callers", job.Size, job.Callers))
	if err != nil {
		return nil, err
	}
	f, done, err := load{
		callers: job.Callers, warm: job.Warm, measure: job.Measure,
		op: func(ctx context.Context, i int) error { return c.lead().Propose(ctx, own[i]) },
	}.run(ctx, m)
	if err = errors.Join(err, stop()); err != nil {
		return nil, err
	}
	return Result{"propose": f}, c.check(ctx, before+done)
}
