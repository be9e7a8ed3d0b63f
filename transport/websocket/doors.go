package websocket

import (
	"context"
	"maps"
	"slices"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/wire"
)

// Announce tells windows that are here, and those that will come, where the servers of the
// cluster let them in. A server does it when that has changed, and nobody believes others.
func (t *Transport) Announce(doors room.Doors) {
	t.doors.Store(&doors)
	for _, s := range t.seats.list() {
		s.announce()
	}
}

func (s *seat) announce() {
	s.mu.Lock()
	v := s.session
	s.mu.Unlock()
	if v != nil {
		v.announce()
	}
}

func (v *session) announce() {
	v.mu.Lock()
	peers := slices.Collect(maps.Values(v.seats))
	v.mu.Unlock()
	for _, p := range peers {
		v.sayDoors(p)
	}
}

// sayDoors tells a peer where the servers of the cluster let it in, if this is one of them.
func (v *session) sayDoors(p *peer) {
	if doors := v.owner.Doors(); len(doors) > 0 {
		v.say(p, room.Word{Kind: room.SignalDoors, Doors: doors})
	}
}

// Doors are those that were announced.
func (t tenant) Doors() room.Doors {
	if doors := t.t.doors.Load(); doors != nil {
		return *doors
	}
	return nil
}

// Learn takes a seat at each server that has told where its door is.
func (t tenant) Learn(doors room.Doors) {
	for _, s := range t.t.seats.learn(doors) {
		t.t.stay(s)
	}
}

// learn makes seats at doors of servers at which there is none yet. A server is known by
// its name: its door may have other addresses, too.
func (s *seats) learn(doors room.Doors) (more []*seat) {
	if !s.atServers() {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(doors)) {
		if s.has(name) {
			continue
		}
		urls, err := doorsAt("a server's door", doors[name])
		if err != nil {
			continue // which the decoder of words has looked at
		}
		if taken := s.add(urls[0], name); taken != nil {
			more = append(more, taken)
		}
	}
	return more
}

// add makes a seat at the door of a server, unless there is one, or too many.
func (s *seats) add(url, server string) *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= room.MaxDoors || slices.ContainsFunc(s.all, func(o *seat) bool { return o.url == url }) {
		return nil
	}
	taken := newSeat(s.opts, url)
	taken.belongs, taken.learned = s.all[0].isMember(), server
	s.all = append(s.all, taken)
	return taken
}

// kept notes what ends a seat.
func (s *seats) kept(at *seat, leave context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at.leave = leave
}

// know leaves the doors that were learned of servers which have been members, and are no
// more: nobody need answer there. Those of Options.Servers stay.
func (s *seats) know(members []wire.Peer) {
	servers := map[string]bool{}
	for _, m := range members {
		if name := room.MemberAt(m.Addr); room.IsServer(name) {
			servers[name] = true
		}
	}
	if len(servers) == 0 {
		return // nothing is known of the cluster yet
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(slices.Clone(s.all), func(at *seat) bool {
		at.member = at.member || servers[at.learned]
		gone := at.member && !servers[at.learned] && at.leave != nil
		if gone {
			at.leave()
		}
		return gone
	})
}
