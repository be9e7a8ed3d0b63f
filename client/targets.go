package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/balsaraft/balsa/rpc/balsav1"
)

// targets are the addresses that a client may try. Any goroutine may use it.
type targets struct {
	cfg    Config
	seeds  []seed
	lookup func(ctx context.Context, host string) ([]string, error)

	resolving sync.Mutex // held by who resolves
	mu        sync.Mutex
	of        [][]*target // of each seed
	leader    string      // whom the last who knew took for it
	next      int         // whose turn it is where any will do
	resolved  time.Time
	stale     bool    // a target has failed since
	unknown   []error // why seeds did not resolve the last time; nil where they did
}

// route says which member a call is best sent to.
type route uint8

const (
	toLeader route = iota
	toAny          // in turn
)

const (
	resolveEvery = 30 * time.Second
	resolvePause = time.Second
)

func newTargets(cfg Config) (*targets, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("no addresses: give that of at least one member's service")
	}
	t := &targets{cfg: cfg, lookup: net.DefaultResolver.LookupHost}
	for _, addr := range cfg.Addrs {
		s, err := parseSeed(addr, cfg.TLS != nil)
		if err != nil {
			return nil, err
		}
		t.seeds = append(t.seeds, s)
	}
	t.of = make([][]*target, len(t.seeds))
	t.next = rand.IntN(1 << 16) // so that many clients do not all begin with the first
	return t, nil
}

// resolve looks the names up again if it is time. One does at a time; others go on with
// what is known, unless that is nothing.
func (t *targets) resolve(ctx context.Context, now bool) {
	t.mu.Lock()
	age := time.Since(t.resolved)
	due := now || len(t.all()) == 0 || age > resolveEvery || t.stale && age > resolvePause
	t.mu.Unlock()
	if !due || !t.resolving.TryLock() {
		return
	}
	defer t.resolving.Unlock()
	unknown := make([]error, len(t.seeds))
	for i, s := range t.seeds {
		ips, err := t.addresses(ctx, s.host)
		if unknown[i] = err; err != nil {
			continue // what it was before is as good a guess as any
		}
		t.replace(i, ips)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resolved, t.stale, t.unknown = time.Now(), false, unknown
}

// nobody says why there is no target.
func (t *targets) nobody() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	why := errNoTarget
	for _, err := range t.unknown {
		if err != nil {
			why = fmt.Errorf("%w; %w", why, err)
		}
	}
	return why
}

// strange says that there is no target, and none to come unless somebody gives a machine one
// of the names: the name servers have answered that there are none.
func (t *targets) strange() error {
	for _, err := range t.unknown {
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			return nil
		}
	}
	return t.nobody()
}

func (t *targets) addresses(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return t.lookup(ctx, host)
}

// replace makes a seed's targets those at the given addresses. Those that stay keep
// their connections; calls on those that go may end by themselves.
func (t *targets) replace(i int, ips []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now []*target
	for _, ip := range ips {
		at := net.JoinHostPort(ip, t.seeds[i].port)
		if slices.ContainsFunc(now, func(x *target) bool { return x.at == at }) {
			continue
		}
		if k := slices.IndexFunc(t.of[i], func(x *target) bool { return x.at == at }); k >= 0 {
			now = append(now, t.of[i][k])
			continue
		}
		now = append(now, newTarget(t.seeds[i], ip, t.cfg))
	}
	for _, before := range t.of[i] {
		if !slices.Contains(now, before) {
			before.transport.CloseIdleConnections()
		}
	}
	t.of[i] = now
}

// all lists the targets. The caller holds mu.
func (t *targets) all() (all []*target) { return slices.Concat(t.of...) }

// single says whether there is at most one target.
func (t *targets) single() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all()) < 2
}

// more says whether there is anybody left to ask beside some.
func (t *targets) more(beside map[*target]bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.all(), func(x *target) bool { return !beside[x] && !x.down() })
}

// allIn says whether all targets there are belong to some.
func (t *targets) allIn(some map[*target]bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !slices.ContainsFunc(t.all(), func(x *target) bool { return !some[x] })
}

// pick chooses whom to try, but nobody to be avoided if there is another: the leader
// where it matters, else one of whom it is not known who he is, so that leaders become
// known, else whoever's turn it is. Those that failed lately are the last resort. It is
// nil if there is nobody.
func (t *targets) pick(r route, avoid map[*target]bool) *target {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.all()
	if len(all) == 0 {
		return nil
	}
	good := func(x *target) bool { return !avoid[x] && !x.down() }
	if !slices.ContainsFunc(all, good) {
		good = func(x *target) bool { return !x.down() }
	}
	if !slices.ContainsFunc(all, good) {
		return slices.MinFunc(all, func(a, b *target) int { return a.retryAt.Compare(b.retryAt) })
	}
	if r == toLeader {
		for _, wanted := range []string{t.leader, ""} {
			if i := slices.IndexFunc(all, func(x *target) bool { return good(x) && x.member == wanted }); i >= 0 {
				return all[i]
			}
		}
	}
	for {
		t.next = (t.next + 1) % len(all)
		if x := all[t.next]; good(x) {
			return x
		}
	}
}

// answered notes who has answered, and whom he takes for the leader.
func (t *targets) answered(x *target, s *balsav1.Standing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x.failures, x.retryAt = 0, time.Time{}
	t.note(x, s)
}

func (t *targets) note(x *target, s *balsav1.Standing) {
	if s.GetMember() != "" {
		x.member = s.GetMember()
	}
	if s.GetLeader() != "" {
		t.leader = s.GetLeader()
	}
}

// failed leaves a target alone for a while. network says that it was not there at all.
func (t *targets) failed(x *target, s *balsav1.Standing, network bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x.retryAt = time.Now().Add(backoff(x.failures))
	x.failures++
	t.stale = t.stale || network
	t.note(x, s)
	if t.leader == x.member {
		t.leader = s.GetLeader()
	}
}

func (t *targets) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range t.all() {
		x.transport.CloseIdleConnections()
	}
}

// backoff is how long to wait after n failures before: it doubles, and half of it is
// chance, so that those who failed together do not come back together.
func backoff(n int) time.Duration {
	const least, most = 10 * time.Millisecond, time.Second
	d := min(least<<min(n, 10), most)
	return d/2 + rand.N(d/2)
}
