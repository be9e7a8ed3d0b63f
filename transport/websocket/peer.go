package websocket

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/mux"
)

// peer is another member, on its present connection. The reader opens with its box, the
// writer seals.
type peer struct {
	room.Peer
	box    *room.Box
	mux    *mux.Mux
	proven bool // its hello has opened: it knows the secret
	came   time.Time

	standing room.Standing // guarded by the session's mu

	relayFrom atomic.Int64 // the moment from which frames may be relayed, in nanoseconds
}

// joined makes room for a peer, and says hello to it.
func (v *session) joined(who room.Peer) error {
	box, err := v.opts.keys.NewBox(v.own, who.End(), &v.counter)
	if err != nil {
		return err
	}
	p := &peer{Peer: who, box: box, came: time.Now()}
	p.mux = mux.New(v.own.Member < who.Member, func(f room.Frame, giveUp <-chan struct{}) error {
		return v.out.put(parcel{p, room.Relay, f.Append(nil)}, f.What == room.WhatData, giveUp)
	}, func(s *mux.Stream) {
		c := newConn(s, p.Member, v.opts.Vet)
		if !v.owner.Go(func() { v.owner.Serve(c) }) {
			s.Close()
		}
	})
	if err := v.sit(p); err != nil {
		return err
	}
	v.sayDoors(p)
	if d := v.opts.Direct; d != nil {
		p.relayFrom.Store(time.Now().Add(relayAfter).UnixNano())
		d.Joined(who.Member, v.welcome.ICEServers, func(w room.Word) { v.say(p, w) })
	}
	v.owner.Here(who.Member)
	return nil
}

// say puts a word for a peer into the outbox.
func (v *session) say(p *peer, w room.Word) {
	b, err := json.Marshal(w)
	if err != nil {
		panic("websocket: encode a word: " + err.Error()) // texts and numbers
	}
	_ = v.out.put(parcel{p, room.Signal, b}, false, nil) // which does not wait, and so does not fail
}

// relayAfter is how long a direct connection is waited for before the introducer relays.
const relayAfter = 3 * time.Second

func (p *peer) mayRelay() bool { return time.Now().UnixNano() >= p.relayFrom.Load() }

// sit gives a peer its place, and says hello to it.
func (v *session) sit(p *peer) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case p.Member == v.own.Member, v.seats[p.Seat] != nil, v.byName[p.Member] != nil:
		return fmt.Errorf("%w: %s at seat %d, which is there already", errNonsense, p.Member, p.Seat)
	case len(v.seats) >= maxPeers:
		return fmt.Errorf("%w: more than %d members in a room", errNonsense, maxPeers)
	}
	v.seats[p.Seat], v.byName[p.Member] = p, p
	delete(v.gone, p.Member)
	v.say(p, room.Word{Kind: room.SignalHello, Direct: v.opts.Direct != nil, Seeking: !v.belongs})
	return nil
}

// belong says to all who are here that this member is one of the cluster's.
func (v *session) belong() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.belongs {
		return
	}
	v.belongs = true
	for _, p := range v.seats {
		v.say(p, room.Word{Kind: room.SignalStanding})
	}
}

// stands notes what a peer says about itself.
func (v *session) stands(p *peer, seeking bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p.standing = room.Belonging
	if seeking {
		p.standing = room.Seeking
	}
}

// seek says whom a member without a cluster joins, or that it founds one. Who missed the
// introducer at first gives the others as much time to come back as it took itself.
func (v *session) seek(missed bool) (join []string, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	settling := time.Duration(v.welcome.Settling) * time.Millisecond
	if missed {
		settling = room.Settling
	}
	view := room.View{Seat: v.welcome.Seat, Settled: time.Since(v.welcomed) >= settling}
	for _, p := range v.seats {
		view.Others = append(view.Others, room.Neighbor{Seat: p.Seat, Standing: p.standing, Late: time.Since(p.came) >= room.Settling})
	}
	seats, found := view.Seek()
	for _, s := range seats {
		join = append(join, room.Scheme+v.seats[s].Member)
	}
	return join, found
}

// belonging are the addresses of those who belong to the room's cluster.
func (v *session) belonging() (addrs []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.seats {
		if p.standing == room.Belonging {
			addrs = append(addrs, room.Scheme+p.Member)
		}
	}
	return addrs
}

func (v *session) wentAway(seat room.Seat) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.seats[seat]
	if p == nil {
		return
	}
	delete(v.seats, seat)
	delete(v.byName, p.Member)
	if len(v.gone) < maxPeers {
		v.gone[p.Member] = true
	}
	p.mux.Close(ErrGone)
	if d := v.opts.Direct; d != nil {
		d.Left(p.Member)
	}
}

func (v *session) at(seat room.Seat) *peer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seats[seat]
}

func (v *session) find(name string) (*peer, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch p := v.byName[name]; {
	case p != nil:
		return p, nil
	case v.gone[name]:
		return nil, ErrGone
	}
	return nil, errAbsent
}

// members are the peers' names.
func (v *session) members() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Keys(v.byName))
}
