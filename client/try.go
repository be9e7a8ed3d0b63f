package client

import (
	"context"
	"maps"
	"time"

	"github.com/balsaraft/balsa/rpc/balsav1"
)

const (
	// firstWait is how long a member may try what is sent to it first, before another
	// one is asked; each time it is double. What a member still works on when the next
	// is asked does no harm: numbers make it run once.
	firstWait = time.Second
	mostWait  = 8 * time.Second
	// grace is how much longer than that the answer may take to come.
	grace = 2 * time.Second
	// lastMoment before the caller's deadline nothing is begun any more, whose outcome
	// would be unknown for want of time to hear of it.
	lastMoment = 10 * time.Millisecond
)

// attempt asks one member, who may try for so long, and returns what he says of himself
// and of the leader.
type attempt func(ctx context.Context, stub balsav1.ClusterClient, waitMS uint32) (*balsav1.Standing, error)

// try makes a call, on one member after the other, until one carries it out or says that
// none will, or ctx ends. Only what may be done twice may be tried again after its
// outcome is unknown.
type try struct {
	did   string
	route route
	reads bool // it changes nothing, so that there is nothing unknown about a failure
	once  bool // not again after an unknown outcome
	ask   attempt
}

func (t *targets) try(ctx context.Context, call try) error {
	var v verdict
	lost := map[*target]bool{} // who has forgotten the result
	strangers := map[*target]bool{}
	avoid := lost
	for n := 0; ; n++ {
		t.resolve(ctx, false)
		x := t.pick(call.route, avoid)
		if x == nil {
			v.add(finding{sure: true, reason: t.nobody()})
		} else {
			s, err := t.attempt(ctx, x, call.ask, n)
			if err == nil {
				t.answered(x, s)
				return nil
			}
			f := x.whyRefused(ctx, examine(err))
			f.sure = f.sure || call.reads
			v.add(f)
			if ctx.Err() != nil {
				// It may be the caller who has hung up, and no fault of the member.
				return v.error(call.did, context.Cause(ctx))
			}
			t.judge(x, f)
			if f.lost {
				lost[x] = true
				f.final = !t.more(lost)
			}
			if f.untrusted {
				strangers[x] = true
				f.final = t.allIn(strangers)
			}
			if f.final || call.once && v.unknown {
				return v.error(call.did, nil)
			}
			avoid = with(lost, x)
			maps.Copy(avoid, strangers) // or two that fail in turns would keep the others from being asked
		}
		if err := pause(ctx, n, x == nil || t.single()); err != nil {
			return v.error(call.did, err)
		}
	}
}

func with(set map[*target]bool, x *target) map[*target]bool {
	larger := map[*target]bool{x: true}
	maps.Copy(larger, set)
	return larger
}

// judge notes what a failed attempt says of the target.
func (t *targets) judge(x *target, f finding) {
	if f.healthy {
		t.answered(x, f.standing)
	} else {
		t.failed(x, f.standing, f.network)
	}
}

// attempt gives one target its share of the time that is left.
func (t *targets) attempt(ctx context.Context, x *target, ask attempt, n int) (*balsav1.Standing, error) {
	wait := min(firstWait<<min(n, 10), mostWait)
	allowed := wait + grace
	if end, ok := ctx.Deadline(); ok {
		// The member stops early enough for its word to arrive in time.
		left := max(time.Until(end), time.Millisecond)
		wait = min(wait, left-min(left/5, grace))
		allowed = min(allowed, left)
	}
	ctx, cancel := context.WithTimeout(ctx, allowed)
	defer cancel()
	return ask(ctx, x.stub, uint32(max(wait.Milliseconds(), 1)))
}

// pause waits before the next attempt; not after the first, if there is somebody else to
// ask. Its error is why there is to be none.
func pause(ctx context.Context, n int, alone bool) error {
	if !alone {
		n--
	}
	var d time.Duration
	if n >= 0 {
		d = backoff(n)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d+lastMoment {
		return sooner(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return context.Cause(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sooner is the end of ctx, a moment before it.
func sooner(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return context.DeadlineExceeded
}
