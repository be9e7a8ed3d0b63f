package introducer

import (
	"sync"

	"github.com/balsaraft/balsa/room"
)

// rooms are all rooms that have anybody in them. Any goroutine may use them; what is
// sent to members from here is put into their outboxes, and nothing waits.
type rooms struct {
	maxRooms, maxMembers int
	apart                bool // members see those of this process alone

	mu      sync.RWMutex
	byID    map[room.ID]*lobby
	members int
}

// lobby is one room.
type lobby struct {
	last     room.Seat // that was given; seats are not given twice
	seats    map[room.Seat]*visitor
	byMember map[string]*visitor
	outside  int // of them, how many come from other processes
}

// enter gives a visitor a seat, tells it who is there, and the others that it came. Who
// was there under its name is displaced: a window that was reloaded comes back before
// anyone has noticed that it went.
func (rs *rooms) enter(v *visitor, welcome func(peers []room.Peer) room.Told) *room.Error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	l, err := rs.lobbyFor(v.hello, v.local)
	if err != nil {
		return err
	}
	if former := l.byMember[v.hello.Member]; former != nil {
		rs.remove(l, former)
		former.part(room.Fail(room.Displaced, "member %s came again on another connection", v.hello.Member))
	}
	l.last++
	v.seat = l.last
	peers := make([]room.Peer, 0, len(l.seats))
	for _, other := range l.seats {
		if rs.sees(v, other) {
			peers = append(peers, other.peer())
			other.tell(room.Told{Type: room.TypeJoined, Peer: new(v.peer())})
		}
	}
	l.seats[v.seat], l.byMember[v.hello.Member] = v, v
	if !v.local {
		l.outside++
	}
	rs.members++
	v.tell(welcome(peers))
	return nil
}

// lobbyFor finds the room that a hello is for, or opens it.
func (rs *rooms) lobbyFor(hello room.Said, local bool) (*lobby, *room.Error) {
	l := rs.byID[hello.Room]
	switch {
	case l == nil && len(rs.byID) >= rs.maxRooms:
		return nil, room.Fail(room.TooManyRooms, "there are %d rooms, and no more may be", len(rs.byID))
	case l == nil:
		l = &lobby{seats: map[room.Seat]*visitor{}, byMember: map[string]*visitor{}}
		rs.byID[hello.Room] = l
	case !local && l.outside >= rs.maxMembers && l.byMember[hello.Member] == nil:
		return nil, room.Fail(room.Full, "this room is full: as many are in it as may be, %d", l.outside)
	}
	return l, nil
}

// sees says whether two members of a room have to do with each other.
func (rs *rooms) sees(a, b *visitor) bool { return !rs.apart || a.local || b.local }

// leave takes a visitor out, if it is still in.
func (rs *rooms) leave(v *visitor) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	l := rs.byID[v.hello.Room]
	if l == nil || l.seats[v.seat] != v {
		return
	}
	rs.remove(l, v)
	if len(l.seats) == 0 {
		delete(rs.byID, v.hello.Room)
	}
}

// remove takes a visitor off its seat, and tells the others.
func (rs *rooms) remove(l *lobby, v *visitor) {
	delete(l.seats, v.seat)
	delete(l.byMember, v.hello.Member)
	if !v.local {
		l.outside--
	}
	rs.members--
	for _, other := range l.seats {
		if rs.sees(v, other) {
			other.tell(room.Told{Type: room.TypeLeft, Seat: v.seat})
		}
	}
}

// at finds who sits on a seat of a visitor's room.
func (rs *rooms) at(v *visitor, seat room.Seat) *visitor {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	if l := rs.byID[v.hello.Room]; l != nil && l.seats[v.seat] == v {
		if other := l.seats[seat]; other != nil && rs.sees(v, other) {
			return other
		}
	}
	return nil
}

func (rs *rooms) count() (rooms, members int) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return len(rs.byID), rs.members
}
