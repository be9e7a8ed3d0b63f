//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/history"
)

const (
	// wholeWithin is by when a cluster must be whole again once all is healed.
	wholeWithin = 60 * time.Second
	// searchFor is how long an order is searched for a key's history.
	searchFor = 30 * time.Second
	// patience of a caller: longer than an election, shorter than most faults.
	patience = 1500 * time.Millisecond
)

// run runs chapters until the time is over, and says whether a promise was broken.
func run(ctx context.Context, o options) (broken bool, err error) {
	if err := furnish(); err != nil {
		return false, fmt.Errorf("furnish the room: %w", err)
	}
	r := newReport(os.Stdout, o.verbose)
	n, err := newNetwork(o.net)
	if err != nil {
		return false, err
	}
	c, err := newCluster(o, n, r)
	if err != nil {
		return false, err
	}
	defer c.closeAll()
	r.say("seed %d, %s between members, files in %s", o.seed, o.net, o.dir)
	r.skip("removing a member", "simulated worlds do that; here a wiped member's earlier identity is removed")
	if !c.awaitWhole(ctx, wholeWithin) {
		return false, fmt.Errorf("the cluster was not founded within %s:\n%s", wholeWithin, c.describe())
	}
	b := &book{cluster: c}
	for n, end := 1, time.Now().Add(o.length); time.Now().Before(end) && ctx.Err() == nil; n++ {
		if !b.chapter(ctx, n) {
			break
		}
	}
	b.judging.Wait()
	if ctx.Err() == nil && !r.broken() {
		b.last(ctx)
	}
	c.readLogs()
	r.summary(o)
	return r.broken(), nil
}

// book is the chapters of a run.
type book struct {
	*cluster
	judging sync.WaitGroup

	mu  sync.Mutex
	ops map[string][]history.Op // of all chapters, by key
}

// chapter lets faults happen to a cluster under load, and judges. False says that the
// cluster did not recover, so that there is no sense in going on.
func (b *book) chapter(ctx context.Context, n int) bool {
	ask := newAsker(b.report.began, patience, b.report.finding)
	l := startLoad(n, b.options, ask, b.all)
	disturbed, calmDown := context.WithTimeout(ctx, b.options.chapter)
	defer calmDown()
	var hands sync.WaitGroup
	for i, faults := range [][]fault{processFaults, networkFaults} {
		h := &hand{cluster: b.cluster, ctx: disturbed, random: rand.New(rand.NewPCG(b.seed, uint64(2*n+i))), faults: b.possible(faults)}
		hands.Go(h.run)
	}
	hands.Wait()
	<-disturbed.Done() // where no fault is possible, the load goes on all the same
	b.must(b.net.heal())
	before := l.written.Load()
	began := time.Now()
	if !b.awaitWhole(ctx, wholeWithin) {
		l.end()
		if ctx.Err() == nil {
			b.report.finding(fmt.Sprintf("all is healed for %s, and the cluster is not whole again:\n%s", wholeWithin, b.describe()))
		}
		return false
	}
	took := time.Since(began)
	for l.written.Load() == before && time.Since(began) < wholeWithin && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if l.written.Load() == before && ctx.Err() == nil {
		b.report.finding(fmt.Sprintf("the cluster is whole, and no write was acknowledged for %s:\n%s", wholeWithin, b.describe()))
	}
	ops := l.end()
	b.readAll(ctx, slices.Sorted(maps.Keys(ops)), func(o history.Op) { ops[o.Key] = append(ops[o.Key], o) })
	b.converge(ctx)
	b.report.say("chapter %d: %d writes acknowledged, whole again %s after the last fault", n, l.written.Load(), took.Round(time.Millisecond))
	b.judging.Go(func() { b.judge(ops) })
	return ctx.Err() == nil
}

// readAll reads keys from every member, until each has answered. The order of the
// answers is that of keys, members beside each other.
func (b *book) readAll(ctx context.Context, keys []string, got func(history.Op)) {
	var mu sync.Mutex
	var readers sync.WaitGroup
	for i, m := range b.all() {
		readers.Go(func() {
			ask := newAsker(b.report.began, 3*time.Second, b.report.finding)
			for _, key := range keys {
				if !readOne(ctx, ask, m, history.Op{Client: 1_000_000 + i, Key: key}, func(o history.Op) {
					mu.Lock()
					defer mu.Unlock()
					got(o)
				}) {
					if ctx.Err() == nil {
						b.report.finding(fmt.Sprintf("member %s of a cluster that is whole does not answer a read of %s within %s:\n%s", m.name, key, wholeWithin, b.describe()))
					}
					return
				}
			}
		})
	}
	readers.Wait()
}

func readOne(ctx context.Context, ask *asker, m *member, o history.Op, got func(history.Op)) bool {
	for end := time.Now().Add(wholeWithin); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if answer := ask.do(m, o); answer.Outcome == history.Done || answer.Outcome == history.NotFound {
			got(answer)
			return true
		}
	}
	return false
}

// converge waits until all members have applied the same.
func (b *book) converge(ctx context.Context) {
	for end := time.Now().Add(wholeWithin); ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		applied := map[uint64]bool{}
		for _, m := range b.all() {
			s, err := b.ask.status(ctx, m)
			applied[s.Applied] = true
			if err != nil || s.Applied != s.Commit {
				applied[0] = true
			}
		}
		if len(applied) == 1 && !applied[0] {
			return
		}
		if time.Now().After(end) {
			b.report.finding(fmt.Sprintf("nobody writes, and the members have not applied the same after %s:\n%s", wholeWithin, b.describe()))
			return
		}
	}
}

// judge looks at the histories of a chapter's keys.
func (b *book) judge(ops map[string][]history.Op) {
	for key, all := range ops {
		v := history.Judge(all, searchFor)
		for _, broken := range v.Broken {
			b.report.finding("key " + key + ": " + broken)
		}
		b.report.judge(func(j *judged) {
			j.keys++
			j.operations += len(all)
			if v.Undecided {
				j.undecided++
			}
			for _, o := range all {
				switch {
				case o.Outcome == history.Unknown:
					j.unknown++
				case o.Outcome == history.Refused:
					j.refused++
				case o.Outcome == history.Done && o.Kind != history.Get:
					j.written++
				}
			}
		})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ops == nil {
		b.ops = map[string][]history.Op{}
	}
	maps.Copy(b.ops, ops)
}

// last kills all members at once, and looks whether all that was written in the whole
// run is still there, on each of them.
func (b *book) last(ctx context.Context) {
	for _, m := range b.all() {
		m.kill()
	}
	if !b.awaitWhole(ctx, wholeWithin) {
		if ctx.Err() == nil {
			b.report.finding(fmt.Sprintf("all were killed and started again, and the cluster is not whole after %s:\n%s", wholeWithin, b.describe()))
		}
		return
	}
	began, keys := time.Now(), slices.Sorted(maps.Keys(b.ops))
	found := map[string][]history.Op{}
	b.readAll(ctx, keys, func(o history.Op) { found[o.Key] = append(found[o.Key], o) })
	for key, reads := range found {
		before := b.ops[key][len(b.ops[key])-1]
		for _, o := range reads {
			// An unknown write may have happened late: only the whole history tells.
			if o.Outcome == before.Outcome && o.Value == before.Value && o.Version == before.Version {
				continue
			}
			for _, broken := range history.Judge(append(b.ops[key], reads...), searchFor).Broken {
				b.report.finding("key " + key + ", at the end: " + broken)
			}
			break
		}
	}
	b.report.say("%d keys read from each of %s after killing all, in %s", len(keys), names(b.all()), time.Since(began).Round(time.Millisecond))
}

func names(members []*member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.name)
	}
	return strings.Join(all, ", ")
}
