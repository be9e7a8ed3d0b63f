package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/dashboard"
	"github.com/balsaraft/balsa/kv"
	"github.com/balsaraft/balsa/kv/proof"
)

// stage is the members of the demo, and what is done to them: by what is typed, and on the
// page. Any goroutine may use it.
type stage struct {
	peers  founders
	actors []*actor
	proof  *proof.Prover
	ctx    context.Context // the demo's: what the page has started goes on when it is left
}

func newStage(ctx context.Context, peers founders, actors []*actor) *stage {
	s := &stage{peers: peers, actors: actors, ctx: ctx}
	s.proof = proof.New(s.awake)
	fronts := map[string]*front{}
	for i, a := range actors {
		a.page = dashboard.NewHandler(a.name, seat{s, i}, s)
		fronts[a.name] = a.front
	}
	for _, f := range fronts {
		f.others.Store(&fronts)
	}
	return s
}

// find is the member that a word names.
func (s *stage) find(word string) (*actor, error) {
	var names []string
	for _, a := range s.actors {
		if a.name == word {
			return a, nil
		}
		names = append(names, a.name)
	}
	return nil, fmt.Errorf("there is no member %q; there are %v", word, names)
}

// running are the members that run and do not stand still.
func (s *stage) running() (all []*life) {
	for _, a := range s.actors {
		if l := a.alive(); l != nil && a.seen().State == stateRunning {
			all = append(all, l)
		}
	}
	return all
}

// awake are the members that may be asked.
func (s *stage) awake() (all []proof.Access) {
	for _, l := range s.running() {
		all = append(all, proof.Access{Member: l.name, Store: l.store})
	}
	return all
}

// Scene implements dashboard.Stage.
func (s *stage) Scene() dashboard.Scene {
	scene := dashboard.Scene{Cuts: [][2]string{}, Proof: s.proof.Standing()}
	for i, a := range s.actors {
		scene.Members = append(scene.Members, a.seen())
		for _, b := range s.actors[i+1:] {
			if a.isCutOff(b) {
				scene.Cuts = append(scene.Cuts, [2]string{a.name, b.name})
			}
		}
	}
	return scene
}

func (a *actor) isCutOff(b *actor) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cutOff[b.addr]
}

// Do implements dashboard.Stage.
func (s *stage) Do(ctx context.Context, action dashboard.Action) error {
	switch action.Do {
	case "heal":
		s.heal()
		return nil
	case "write", "rush":
		s.proof.Write(action.Do == "rush")
		return nil
	case "rest":
		s.proof.Rest()
		return nil
	}
	a, err := s.find(action.Member)
	if err != nil {
		return err
	}
	switch action.Do {
	case "cut", "join":
		b, err := s.find(action.Other)
		if err != nil {
			return err
		}
		return s.cut(a, b, action.Do == "cut")
	}
	return s.doTo(a, action.Do)
}

// doTo does something to one member.
func (s *stage) doTo(a *actor, what string) (err error) {
	switch what {
	case "start":
		return a.start(s.ctx, s.peers)
	case "stop", "kill":
		return a.end(what == "kill")
	case "pause", "resume":
		return a.pause(what == "pause")
	case "flip":
		_, err = a.flip(s.ctx, s.peers)
		return err
	case "slow", "quick":
		a.change(func() { a.slow = what == "slow" })
	case "fill":
		a.change(func() { a.full = true })
		if l := a.alive(); l != nil {
			go s.stuff(l, a)
		}
	case "empty":
		a.change(func() { a.full = false })
	default:
		return fmt.Errorf("nobody can %q a member", what)
	}
	return nil
}

// cut keeps two members from hearing each other, or lets them again.
func (s *stage) cut(a, b *actor, off bool) error {
	if a == b {
		return fmt.Errorf("%s always hears itself; name two members", a.name)
	}
	a.change(func() { a.cutOff[b.addr] = off })
	b.change(func() { b.cutOff[a.addr] = off })
	return nil
}

func (s *stage) heal() {
	for _, a := range s.actors {
		a.change(func() {
			for addr := range a.cutOff {
				a.cutOff[addr] = false
			}
		})
	}
}

// stuff writes until the log of a member on a full disk has used up the room that it holds
// in advance: a full disk hurts no sooner.
func (s *stage) stuff(l *life, a *actor) {
	const size, most, fillTime = 256 << 10, 256, 30 * time.Second
	ctx, cancel := context.WithTimeout(s.ctx, fillTime)
	defer cancel()
	go func() {
		for e := range l.node.Events(ctx) {
			if e.Kind == balsa.DiskFull {
				cancel()
			}
		}
	}()
	const key = "filler"
	for turn := 0; turn < most && ctx.Err() == nil && a.seen().Full; turn++ {
		if members := s.running(); len(members) > 0 {
			_, _ = members[turn%len(members)].store.Put(ctx, key, make([]byte, size)) // as many as get through
		}
	}
	for _, l := range s.running() {
		ctx, cancel := context.WithTimeout(s.ctx, fillTime)
		_, err := l.store.Delete(ctx, key)
		cancel()
		if err == nil || errors.Is(err, kv.ErrNotFound) {
			return
		}
	}
}

// seat is a member's page on the stage: it shows all members as they know themselves,
// whether they hear each other or not.
type seat struct {
	*stage
	at int
}

// Watch implements dashboard.View.
func (s seat) Watch() {
	for _, a := range s.actors {
		if l := a.last(); l != nil {
			l.reporter.Watch()
		}
	}
}

// Reports implements dashboard.View.
func (s seat) Reports() (all []dashboard.Report) {
	for i := range s.actors {
		if l := s.actors[(s.at+i)%len(s.actors)].last(); l != nil {
			all = append(all, l.reporter.Own())
		}
	}
	return all
}

// History implements dashboard.View.
func (s seat) History() []dashboard.Sample {
	if l := s.actors[s.at].last(); l != nil {
		return l.reporter.History()
	}
	return nil
}

// Entries implements dashboard.View. Where the member does not run, another one tells.
func (s seat) Entries(ctx context.Context, from balsa.Index, most int) ([]balsa.LogEntry[kv.Command], error) {
	ready := s.running()
	if own := s.actors[s.at].alive(); own != nil && slices.Contains(ready, own) {
		ready = []*life{own}
	}
	if len(ready) == 0 {
		return nil, fmt.Errorf("no member runs: %w", balsa.ErrClosed)
	}
	return ready[0].node.Entries(ctx, from, most)
}

func (s *stage) startAll(ctx context.Context) error {
	for _, a := range s.actors {
		if err := a.start(ctx, s.peers); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) close() error {
	var errs []error
	for _, a := range s.actors {
		a.page.Close()
		if a.alive() != nil {
			errs = append(errs, a.end(false))
		}
		errs = append(errs, a.front.Close())
	}
	return errors.Join(errs...)
}
