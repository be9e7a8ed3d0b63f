// Package proof writes to a key-value store all the time, through any of its members,
// counts what was acknowledged, and proves that none of it is lost and nothing ran twice,
// whatever is done to the members meanwhile.
//
// Some writers add 1 to a counter each, over and over. A writer waits for each answer, so
// between what it knows to be done and what it has asked for lies its counter, at any
// time:
//
//	acknowledged ≤ counter ≤ acknowledged + unknown + under way
//
// Each answer holds the counter's value, and is held to this at once. Audits read all
// counters through one member after the other, and so hold each member's copy to it.
package proof

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/kv"
)

const (
	writers = 4
	// pace is the pause of each writer between two writes: slow enough to see entries move.
	pace = 200 * time.Millisecond
	// patience is how long a write or an audit is waited for.
	patience = 2 * time.Second
	// audits are this far apart.
	auditEvery = time.Second
	// afterFailure is the pause after a write that failed at once.
	afterFailure = 20 * time.Millisecond
	// prefix begins the counters' keys.
	prefix = "proof/"
	// maxFindings is how many broken promises are told in words.
	maxFindings = 5
)

// Standing is how the proof stands.
type Standing struct {
	Writing bool `json:"writing"`
	Fast    bool `json:"fast"` // without a pause
	// Acknowledged, Refused and Unknown are how many writes ended so: refused are those of
	// which the store said for sure that they have not happened.
	Acknowledged uint64 `json:"acknowledged"`
	Refused      uint64 `json:"refused"`
	Unknown      uint64 `json:"unknown"`
	// Counted is the sum of the counters at the last audit, and Expected what had been
	// acknowledged when it began: all is well if it is no less.
	Counted  uint64 `json:"counted"`
	Expected uint64 `json:"expected"`
	Audits   uint64 `json:"audits"`
	// Through is the member that the last audit asked.
	Through string `json:"through"`
	// Lost and Twice are how many writes are known to be lost or to have run twice. They
	// must be 0.
	Lost     uint64   `json:"lost"`
	Twice    uint64   `json:"twice"`
	Findings []string `json:"findings,omitempty"`
	// Silence is for how long, in milliseconds, no write was acknowledged until now, and
	// Longest the longest such time since the writers were set to work.
	Silence int64 `json:"silence"`
	Longest int64 `json:"longest"`
}

// Access is a member's store, and its name.
type Access struct {
	Member string
	Store  kv.Store
}

// Prover writes and audits. Any goroutine may use it.
type Prover struct {
	members func() []Access // those that can be asked at the moment

	mu       sync.Mutex
	standing Standing
	lastAck  time.Time
	counters [writers]counter
	changed  chan struct{} // closed when writing or fast changes
}

// counter is what a writer knows of its key.
type counter struct {
	known bool   // base is
	base  uint64 // what it was before
	acked uint64
	asked uint64 // acked, unknown and under way
}

// New makes a Prover, which rests. The members may change at any time.
func New(members func() []Access) *Prover {
	return &Prover{members: members, changed: make(chan struct{})}
}

// Write sets the writers to work, with a pause after each write unless they are to be
// fast.
func (p *Prover) Write(fast bool) { p.set(true, fast) }

// Rest lets them rest. Audits go on.
func (p *Prover) Rest() { p.set(false, false) }

func (p *Prover) set(writing, fast bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if writing && !p.standing.Writing {
		p.lastAck, p.standing.Longest = time.Now(), 0
	}
	p.standing.Writing, p.standing.Fast = writing, fast
	close(p.changed)
	p.changed = make(chan struct{})
}

// Standing is how the proof stands now.
func (p *Prover) Standing() Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.standing
	if s.Writing {
		s.Silence = time.Since(p.lastAck).Milliseconds()
		s.Longest = max(s.Longest, s.Silence)
	}
	return s
}

// Run writes and audits until ctx ends.
func (p *Prover) Run(ctx context.Context) {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() { p.write(ctx, w) })
	}
	all.Go(func() { p.audit(ctx) })
	all.Wait()
}

// write is one writer.
func (p *Prover) write(ctx context.Context, w int) {
	for turn := w; ctx.Err() == nil; turn++ {
		pause, ok := p.mayWrite(ctx)
		if !ok {
			return
		}
		members := p.members()
		if len(members) == 0 || !p.add(ctx, w, members[turn%len(members)].Store) {
			pause = max(pause, afterFailure)
		}
		sleep(ctx, pause)
	}
}

// mayWrite waits until the writers are to work. It says false if ctx ends.
func (p *Prover) mayWrite(ctx context.Context) (pause time.Duration, ok bool) {
	for {
		p.mu.Lock()
		s, changed := p.standing, p.changed
		p.mu.Unlock()
		switch {
		case s.Writing && s.Fast:
			return 0, true
		case s.Writing:
			return pace, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func key(w int) string { return prefix + strconv.Itoa(w+1) }

// add makes one write, and says whether it was acknowledged.
func (p *Prover) add(ctx context.Context, w int, store kv.Store) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !p.begin(ctx, w, store) {
		return false
	}
	result, err := store.Do(ctx, kv.Do(kv.Add(key(w), 1)))
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.counters[w]
	switch {
	case err == nil:
		p.acknowledged(w, uint64(result.Replies[0].Number))
		return true
	case errors.Is(err, balsa.ErrUnknown):
		p.standing.Unknown++
	default:
		c.asked--
		p.standing.Refused++
	}
	return false
}

// begin counts a write as asked for. The first of a writer must know what was there
// before.
func (p *Prover) begin(ctx context.Context, w int, store kv.Store) bool {
	p.mu.Lock()
	known := p.counters[w].known
	p.mu.Unlock()
	var base uint64
	if !known {
		item, err := store.Get(ctx, key(w))
		switch {
		case err == nil:
			base, _ = strconv.ParseUint(string(item.Value), 10, 64)
		case !errors.Is(err, kv.ErrNotFound):
			return false
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &p.counters[w]
	if !known {
		c.known, c.base = true, base
	}
	c.asked++
	return true
}

// acknowledged takes an answer with the counter's value. The lock is held.
func (p *Prover) acknowledged(w int, value uint64) {
	c, s := &p.counters[w], &p.standing
	c.acked++
	s.Acknowledged++
	now := time.Now()
	s.Longest = max(s.Longest, now.Sub(p.lastAck).Milliseconds())
	p.lastAck = now
	p.judge(w, value, c.acked, c.asked, "an answer")
}

// judge holds a counter to what is known of it. The lock is held. What was found is told
// once, and counts as known from then on.
func (p *Prover) judge(w int, value, least, most uint64, where string) {
	c, s := &p.counters[w], &p.standing
	found := ""
	switch value -= min(c.base, value); {
	case value < least:
		s.Lost += least - value
		found = fmt.Sprintf("%s is %d in %s, but %d additions were acknowledged", key(w), value, where, least)
		c.acked -= least - value
	case value > most:
		s.Twice += value - most
		found = fmt.Sprintf("%s is %d in %s, but only %d additions were asked for", key(w), value, where, most)
		c.asked += value - most
	}
	if found != "" && len(s.Findings) < maxFindings {
		s.Findings = append(s.Findings, found)
	}
}

// audit reads all counters, through one member after the other.
func (p *Prover) audit(ctx context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		sleep(ctx, auditEvery)
		if members := p.members(); len(members) > 0 {
			p.auditThrough(ctx, members[turn%len(members)])
		}
	}
}

func (p *Prover) auditThrough(ctx context.Context, a Access) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.mu.Lock()
	before := p.counters
	p.mu.Unlock()
	items, _, err := a.Store.Scan(ctx, prefix, writers)
	if err != nil {
		return // the next one may answer
	}
	var values [writers]uint64
	for _, item := range items {
		for w := range values {
			if item.Key == key(w) {
				values[w], _ = strconv.ParseUint(string(item.Value), 10, 64)
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.standing
	s.Counted, s.Expected, s.Through = 0, 0, a.Member
	s.Audits++
	for w, value := range values {
		if !before[w].known {
			continue
		}
		p.judge(w, value, before[w].acked, p.counters[w].asked, "an audit through "+a.Member)
		s.Counted += value - min(before[w].base, value)
		s.Expected += before[w].acked
	}
}
