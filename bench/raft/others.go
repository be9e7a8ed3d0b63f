package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	processes "github.com/balsaraft/balsa/bench/internal/cluster"
	"github.com/balsaraft/balsa/bench/internal/contest"
)

// The loads of others, by the names that results have.
const (
	onLeader     = "proposals on the leader"
	onFollower   = "proposals on a follower"
	linearizable = "linearizable reads on the leader"
	fromFollower = "linearizable reads on a follower"
	leaseReads   = "reads by lease on the leader"
	staleReads   = "stale reads on a follower"
	mixed        = "9 linearizable reads to 1 proposal"
	pipelined    = "proposals without waiting (ProposeAll)"
)

// otherNames is their order in a table.
var otherNames = []string{onLeader, onFollower, linearizable, fromFollower, leaseReads, staleReads, mixed, pipelined}

// readsPerChange is what mixed says.
const readsPerChange = 9

// others are all loads but that of the yardstick, one after the other on one cluster. What
// a library does not offer is not in the result.
func others(ctx context.Context, job Job, m *meters) (Result, error) {
	result := Result{}
	loads := job.wanted(onLeader, onFollower, linearizable, fromFollower, staleReads, mixed, pipelined)
	if err := loadAll(ctx, job, m, loads, asItIs, result); err != nil {
		return nil, err
	}
	if len(job.wanted(leaseReads)) == 0 {
		return result, nil
	}
	// Some libraries have to be opened in another way for reads by lease.
	job.Dir = filepath.Join(job.Dir, "lease")
	var err error
	if job.Addrs, err = processes.Addrs(len(job.Addrs)); err != nil {
		return nil, err
	}
	return result, loadAll(ctx, job, m, []string{leaseReads}, func(c *contest.Config) { c.LeaseReads = true }, result)
}

// wanted are those of the loads that the job asks for.
func (job Job) wanted(loads ...string) []string {
	return slices.DeleteFunc(loads, func(load string) bool {
		return len(job.Loads) > 0 && !slices.ContainsFunc(job.Loads, func(piece string) bool { return strings.Contains(load, piece) })
	})
}

func loadAll(ctx context.Context, job Job, m *meters, names []string, change func(*contest.Config), result Result) (err error) {
	c, err := job.open(ctx, change)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	t := &trial{cluster: c, own: commands(job.Callers, job.Size)}
	before, err := c.first(ctx, t.own[0])
	if err != nil {
		return err
	}
	t.proposed.Store(int64(before))
	for _, name := range names {
		f, err := t.measure(ctx, job, m, name)
		if errors.Is(err, contest.ErrUnsupported) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		result[name] = f
	}
	return c.check(ctx, int(t.proposed.Load()))
}

// trial is a cluster that carries loads of all kinds.
type trial struct {
	cluster  *cluster
	own      [][]byte     // a command for each caller
	proposed atomic.Int64 // that were acknowledged
}

// measure carries one load. ErrUnsupported says that the library has none of it.
func (t *trial) measure(ctx context.Context, job Job, m *meters, name string) (Figures, error) {
	if name == pipelined {
		return t.pipeline(ctx, job)
	}
	l := load{callers: job.Callers, warm: job.Warm, measure: job.Measure, op: t.op(name)}
	err := l.op(ctx, 0)
	if (name == onFollower || name == fromFollower) && errors.Is(err, contest.ErrNotLeader) {
		return nil, contest.ErrUnsupported // followers take none
	}
	if err != nil {
		return nil, err
	}
	stop, err := job.profile(name)
	if err != nil {
		return nil, err
	}
	f, _, err := l.run(ctx, m)
	return f, errors.Join(err, stop())
}

func (t *trial) op(name string) func(ctx context.Context, caller int) error {
	leader, follower := t.cluster.lead(), t.cluster.members[t.cluster.follower()]
	read := func(at contest.Member, level contest.Level) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error { return at.Read(ctx, level) }
	}
	propose := func(at contest.Member) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			err := at.Propose(ctx, t.own[i])
			if err == nil {
				t.proposed.Add(1)
			}
			return err
		}
	}
	switch name {
	case onFollower:
		return propose(follower)
	case linearizable:
		return read(leader, contest.Linearizable)
	case fromFollower:
		return read(follower, contest.Linearizable)
	case leaseReads:
		return read(leader, contest.Lease)
	case staleReads:
		return read(follower, contest.Stale)
	case mixed:
		turn := make([]int, len(t.own))
		return func(ctx context.Context, i int) error {
			if turn[i]++; turn[i]%(readsPerChange+1) == 0 {
				return propose(leader)(ctx, i)
			}
			return leader.Read(ctx, contest.Linearizable)
		}
	}
	return propose(leader)
}

// pipeliner is a library whose callers can propose without waiting for the proposal
// before.
type pipeliner interface {
	ProposeAll(ctx context.Context, command []byte, each func() bool) error
}

// pipelines is how many callers do so at once.
const pipelines = 4

// pipeline measures how many answers come; what one of them waits is not known.
func (t *trial) pipeline(ctx context.Context, job Job) (Figures, error) {
	p, ok := t.cluster.lead().(pipeliner)
	if !ok {
		return nil, contest.ErrUnsupported
	}
	var answered atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	errs := make([]error, pipelines)
	for i := range pipelines {
		all.Go(func() {
			errs[i] = p.ProposeAll(ctx, t.own[i%len(t.own)], func() bool { answered.Add(1); return !over.Load() })
		})
	}
	pause(ctx, job.Warm, nil)
	before, start := answered.Load(), timer()
	pause(ctx, job.Measure, nil)
	if err := await(ctx, "an answer", func() bool { return answered.Load() > before }); err != nil {
		return nil, err
	}
	n, took := answered.Load()-before, start()
	over.Store(true)
	all.Wait()
	// Commands that were on their way when it was over count once they are applied.
	t.proposed.Store(int64(t.cluster.settled()))
	return Figures{count: float64(n), seconds: took.Seconds(), perSecond: float64(n) / took.Seconds()}, errors.Join(errs...)
}
