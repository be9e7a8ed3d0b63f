package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// failover kills the process that leads, again and again, and measures how long it takes
// until a survivor acknowledges a command. Each member is a process of its own.
func failover(ctx context.Context, job Job, _ *meters) (result Result, err error) {
	members := make([]*memberProcess, len(job.Addrs))
	defer func() {
		for _, m := range members {
			m.kill()
		}
	}()
	for i := range members {
		if members[i], err = startMember(ctx, job, i); err != nil {
			return nil, err
		}
	}
	var took []time.Duration
	acknowledged := 0
	for range job.Kills {
		leader, err := leaderOf(ctx, members)
		if err != nil {
			return nil, err
		}
		if _, err := members[leader].ask(tryPropose); err != nil {
			return nil, err
		}
		acknowledged++
		if err := agree(ctx, members, acknowledged); err != nil {
			return nil, err
		}
		time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Millisecond)))) // at any moment between two heartbeats
		one, err := killAndWait(members, leader)
		if err != nil {
			return nil, err
		}
		took = append(took, one)
		acknowledged++
		if members[leader], err = startMember(ctx, job, leader); err != nil {
			return nil, err
		}
		if err := agree(ctx, members, acknowledged); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return Result{"failover": {
		count: float64(len(took)), fastest: ms(took[0]), p50: ms(took[len(took)/2]), slowest: ms(took[len(took)-1]),
	}}, nil
}

// killAndWait says after what time a survivor has had a command acknowledged.
func killAndWait(members []*memberProcess, leader int) (time.Duration, error) {
	type outcome struct {
		status
		err error
	}
	began := time.Now()
	members[leader].kill()
	outcomes := make(chan outcome, len(members))
	asked := 0
	for i, m := range members {
		if i != leader {
			asked++
			go func() {
				s, err := m.ask(tryPropose)
				outcomes <- outcome{s, err}
			}()
		}
	}
	var first time.Time
	var errs []error
	for range asked {
		o := <-outcomes
		errs = append(errs, o.err)
		if at := time.Unix(0, o.At); o.At != 0 && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if err := errors.Join(errs...); err != nil || first.IsZero() {
		return 0, fmt.Errorf("no survivor had a command acknowledged: %w", err)
	}
	return first.Sub(began), nil
}

// leaderOf waits until exactly one member says that it leads.
func leaderOf(ctx context.Context, members []*memberProcess) (leader int, err error) {
	err = await(ctx, "a leader", func() bool {
		leaders := 0
		for i, m := range members {
			if s, err := m.ask(look); err == nil && s.Leads {
				leader = i
				leaders++
			}
		}
		return leaders == 1
	})
	return leader, err
}

// agree waits until all members have the same state, with all commands that were
// acknowledged. There may be more: of those that were given up some happened.
func agree(ctx context.Context, members []*memberProcess, acknowledged int) error {
	var states []status
	err := await(ctx, "members of one mind", func() bool {
		states = nil
		for _, m := range members {
			s, err := m.ask(look)
			if err != nil {
				return false
			}
			states = append(states, s)
		}
		return !slices.ContainsFunc(states, func(s status) bool {
			return s.Count < uint64(acknowledged) || s.Count != states[0].Count || s.Sum != states[0].Sum
		})
	})
	if err != nil {
		return fmt.Errorf("%w, with %d commands: %+v", err, acknowledged, states)
	}
	return nil
}
