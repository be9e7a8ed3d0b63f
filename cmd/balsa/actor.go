package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/dashboard"
	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/sabotage"
	"github.com/balsaraft/balsa/transport/tcp"
)

// actor is a member of the demo, whether it runs or not.
type actor struct {
	name  string
	addr  string // for the other members
	redis string
	dir   string
	front *front
	page  *dashboard.Handler
	log   *slog.Logger

	changing sync.Mutex // held by who starts or stops it; who comes second waits

	mu     sync.Mutex
	life   *life  // the last one
	state  string // as in dashboard.Actor
	why    string
	slow   bool
	full   bool
	cutOff map[string]bool // addresses
}

// life is a member from its start to its end.
type life struct {
	*member
	network *sabotage.Network
	disk    *sabotage.Disk
}

// slowSync is how much longer the syncs of a slow disk take.
const slowSync = 200 * time.Millisecond

const (
	stateRunning  = "running"
	statePaused   = "paused"
	stateStarting = "starting"
	stateStopping = "stopping"
	stateStopped  = "stopped"
)

// start begins another life.
func (a *actor) start(ctx context.Context, peers founders) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	if a.alive() != nil {
		return fmt.Errorf("%s runs already", a.name)
	}
	a.be(stateStarting, "")
	l, err := a.live(ctx, peers)
	if err != nil {
		a.be(stateStopped, err.Error())
		return fmt.Errorf("start member %s: %w", a.name, err)
	}
	a.mu.Lock()
	a.life = l
	a.mu.Unlock()
	a.be(stateRunning, "")
	go a.mourn(l)
	return nil
}

func (a *actor) live(ctx context.Context, peers founders) (*life, error) {
	files, err := fsys.Dir(a.dir)
	if err != nil {
		return nil, err
	}
	transport, err := tcp.Listen(a.addr, tcp.Options{Logger: a.log})
	if err != nil {
		return nil, err
	}
	l := &life{network: sabotage.NewNetwork(transport), disk: sabotage.NewDisk(files)}
	a.mu.Lock()
	a.hurt(l)
	a.mu.Unlock()
	l.member, err = startMember(ctx, balsa.Config{
		Name: a.name, Dir: a.dir, Files: l.disk, Cluster: peers, Transport: l.network, Logger: a.log,
	}, l.disk.Store, faces{front: a.front, redis: a.redis, page: a.page})
	if err != nil {
		return nil, errors.Join(err, l.network.Close())
	}
	return l, nil
}

// hurt does to a life what is done to the member at the moment. The lock is held.
func (a *actor) hurt(l *life) {
	for addr, off := range a.cutOff {
		if off {
			l.network.Cut(addr)
		} else {
			l.network.Join(addr)
		}
	}
	l.disk.Slow(0)
	if a.slow {
		l.disk.Slow(slowSync)
	}
	l.disk.Empty()
	if a.full {
		l.disk.Fill()
	}
}

// change changes what is done to the member, now and in lives to come.
func (a *actor) change(how func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	how()
	if a.life != nil {
		a.hurt(a.life)
	}
}

// mourn notes it when a member ends by itself.
func (a *actor) mourn(l *life) {
	<-l.node.Done()
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := l.node.Err(); err != nil && a.alive() == l {
		_ = l.Close(a.log) // for the same reason
		a.be(stateStopped, err.Error())
	}
}

// end ends the life that there is: in order, or, if it is killed, without a word to
// anybody.
func (a *actor) end(killed bool) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	l := a.alive()
	if l == nil {
		return fmt.Errorf("%s is stopped already", a.name)
	}
	a.be(stateStopping, "")
	var err error
	if killed {
		err = l.network.Kill()
	}
	l.network.Resume()
	l.disk.Empty() // to its end it takes no part any more, and the next life has a full disk again
	err = errors.Join(err, l.Close(a.log))
	a.be(stateStopped, "")
	return err
}

// pause lets the member stand still, or go on.
func (a *actor) pause(still bool) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	l := a.alive()
	switch {
	case l == nil:
		return fmt.Errorf("%s is stopped; start it first", a.name)
	case still:
		l.network.Pause()
		a.be(statePaused, "")
	default:
		l.network.Resume()
		a.be(stateRunning, "")
	}
	return nil
}

// flip kills the member, flips a byte of its log, and starts it again.
func (a *actor) flip(ctx context.Context, peers founders) (where string, err error) {
	if a.alive() != nil {
		if err := a.end(true); err != nil {
			return "", err
		}
	}
	where, flipErr := sabotage.FlipByte(a.dir)
	return where, errors.Join(flipErr, a.start(ctx, peers))
}

// alive is the present life, nil while the member is stopped.
func (a *actor) alive() *life {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == stateStopped || a.state == stateStarting {
		return nil
	}
	return a.life
}

// last is the present life, or the one before; nil before the first.
func (a *actor) last() *life {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.life
}

func (a *actor) be(state, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state, a.why = state, why
}

// seen is the member as the page shows it.
func (a *actor) seen() dashboard.Actor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return dashboard.Actor{Name: a.name, HTTP: "http://" + a.front.addr, State: a.state, Why: a.why, Slow: a.slow, Full: a.full}
}

func newActor(name, addr, redis, dir string, f *front, log *slog.Logger) *actor {
	return &actor{
		name: name, addr: addr, redis: redis, dir: filepath.Join(dir, name), front: f,
		log: log.With("member", name), state: stateStopped, cutOff: map[string]bool{},
	}
}
