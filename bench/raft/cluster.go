package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/balsaraft/balsa/bench/internal/contest"
)

// cluster is all members in this process.
type cluster struct {
	open    contest.Opener
	configs []contest.Config
	members []contest.Member // nil while closed
	leader  int
}

// config is one member's, in a directory of its own below the job's.
func (job Job) config(i int) (contest.Config, error) {
	c := contest.Config{Dir: filepath.Join(job.Dir, fmt.Sprintf("m%d", i)), ID: i, Addrs: job.Addrs, LAN: job.LAN}
	return c, os.MkdirAll(c.Dir, 0o755)
}

// openCluster opens all members, side by side because some wait for others, and waits
// until one leads.
func openCluster(ctx context.Context, open contest.Opener, configs []contest.Config) (*cluster, error) {
	c := &cluster{open: open, configs: configs, members: make([]contest.Member, len(configs))}
	errs := make([]error, len(configs))
	var all sync.WaitGroup
	for i, config := range configs {
		all.Go(func() { c.members[i], errs[i] = open(config) })
	}
	all.Wait()
	err := errors.Join(errs...)
	if err == nil {
		err = c.awaitLeader(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *cluster) awaitLeader(ctx context.Context) error {
	return await(ctx, "a leader", func() bool {
		for i, m := range c.members {
			if m != nil && m.Leads() {
				c.leader = i
				return true
			}
		}
		return false
	})
}

// lead is the member that leads, a follower any other one.
func (c *cluster) lead() contest.Member { return c.members[c.leader] }

func (c *cluster) follower() int { return (c.leader + 1) % len(c.members) }

// first makes the first command go through, for which some libraries have to be asked
// more than once. It returns how many commands it took.
func (c *cluster) first(ctx context.Context, command []byte) (int, error) {
	var last error
	err := await(ctx, "a first command", func() bool {
		last = c.lead().Propose(ctx, command)
		if errors.Is(last, contest.ErrNotLeader) {
			last = errors.Join(last, c.awaitLeader(ctx))
		}
		return last == nil
	})
	if err != nil {
		return 0, errors.Join(err, last)
	}
	return 1, nil
}

// check waits until every member has applied as many commands as were acknowledged, and
// compares their states.
func (c *cluster) check(ctx context.Context, acknowledged int) error {
	err := await(ctx, fmt.Sprintf("%d commands on every member", acknowledged), func() bool {
		for _, m := range c.members {
			if m != nil && m.State().Count() < uint64(acknowledged) {
				return false
			}
		}
		return true
	})
	for i, m := range c.members {
		if m == nil {
			continue
		}
		s := m.State()
		if s.Count() != uint64(acknowledged) {
			err = errors.Join(err, fmt.Errorf("member %d has applied %d commands, %d were acknowledged", i, s.Count(), acknowledged))
		} else if s.Sum() != c.lead().State().Sum() {
			err = errors.Join(err, fmt.Errorf("member %d has another state than the leader", i))
		}
	}
	return err
}

func (c *cluster) close() (err error) {
	for _, m := range c.members {
		if m != nil {
			err = errors.Join(err, m.Close())
		}
	}
	return err
}

// patience is how long anything may take that should come by itself.
const patience = time.Minute

// await asks again and again until it is so.
func await(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %s for %s", patience, what))
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// settled waits until the leader applies nothing more, and says how many commands that
// are.
func (c *cluster) settled() uint64 {
	for last, same := c.lead().State().Count(), 0; ; {
		time.Sleep(50 * time.Millisecond)
		n := c.lead().State().Count()
		if same++; n != last {
			last, same = n, 0
		}
		if same == 4 {
			return n
		}
	}
}
