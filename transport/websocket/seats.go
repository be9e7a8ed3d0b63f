package websocket

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/room"
)

// seats are this member's places: one in a room, or one at each server of a cluster, which
// may be learned while it runs. Any goroutine may use them.
type seats struct {
	opts prepared

	mu    sync.Mutex
	all   []*seat  // never changed in place, but to grow
	asked []string // addresses that seek has told of
}

func newSeats(p prepared) *seats {
	s := &seats{opts: p}
	for _, url := range p.urls {
		s.all = append(s.all, newSeat(p, url))
	}
	return s
}

func (s *seats) list() []*seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// atServers says whether this member belongs to servers.
func (s *seats) atServers() bool { return len(s.opts.Servers) > 0 }

// find is who lives at an address, wherever it can be reached.
func (s *seats) find(addr string) (*peer, error) {
	if addr == AnyServer {
		return s.anyServer()
	}
	found := errNoSeat
	for _, at := range s.list() {
		p, err := at.find(room.MemberAt(addr))
		switch {
		case err == nil:
			return p, nil
		case errors.Is(err, ErrGone), errors.Is(found, errNoSeat):
			found = err
		}
	}
	return nil, found
}

// anyServer is a server that can be reached, not always the same.
func (s *seats) anyServer() (*peer, error) {
	all := s.list()
	for _, i := range rand.Perm(len(all)) {
		if p := all[i].server(); p != nil {
			return p, nil
		}
	}
	return nil, errAbsent
}

// has says whether a member can be reached at the moment.
func (s *seats) has(member string) bool {
	for _, at := range s.list() {
		if _, err := at.find(member); err == nil {
			return true
		}
	}
	return false
}

// seek says whom a member without a cluster joins, or that it founds one: one of servers
// joins any that it meets.
func (s *seats) seek() (join []string, found bool) {
	if !s.atServers() {
		join, found = s.list()[0].seek()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = join
		return join, found
	}
	seen := map[string]bool{}
	for _, at := range s.list() {
		for _, member := range at.members() {
			if !seen[member] {
				seen[member] = true
				join = append(join, room.Scheme+member)
			}
		}
	}
	return join, false
}

// another is the address of a member of the room's cluster that seek has not told of, not
// always the same, and "" if there is none: those of whom it has told are asked anyhow.
func (s *seats) another() string {
	there := s.list()[0].belonging()
	s.mu.Lock()
	defer s.mu.Unlock()
	there = slices.DeleteFunc(there, func(addr string) bool { return slices.Contains(s.asked, addr) })
	if len(there) == 0 {
		return ""
	}
	return there[rand.IntN(len(there))]
}

// belong says to all that this member is one of the cluster's.
func (s *seats) belong() {
	for _, at := range s.list() {
		at.belong()
	}
}

// whyOut is why there is no seat, and nil if there is one.
func (s *seats) whyOut() (why error) {
	for _, at := range s.list() {
		err := at.whyOut()
		if err == nil {
			return nil
		}
		if why == nil {
			why = err
		}
	}
	return why
}
