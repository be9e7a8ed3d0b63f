package world

import (
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Witness is told of all that happens in a world, as it happens. It changes nothing, and
// keeps nothing that it is given but what it has copied.
type Witness interface {
	// Started and Did are what a host.Tracer is told, with the moment and the seat.
	Started(at time.Duration, seat string, id wire.MemberID, st raft.State)
	Did(at time.Duration, seat string, s raft.Status, e raft.Event, o raft.Orders)
	// Said is a line of what -v tells; seat is "" if it is about the whole world.
	Said(at time.Duration, seat, line string)
}

// Witnesses are many, each told in turn.
type Witnesses []Witness

// Started implements Witness.
func (all Witnesses) Started(at time.Duration, seat string, id wire.MemberID, st raft.State) {
	for _, w := range all {
		w.Started(at, seat, id, st)
	}
}

// Did implements Witness.
func (all Witnesses) Did(at time.Duration, seat string, s raft.Status, e raft.Event, o raft.Orders) {
	for _, w := range all {
		w.Did(at, seat, s, e, o)
	}
}

// Said implements Witness.
func (all Witnesses) Said(at time.Duration, seat, line string) {
	for _, w := range all {
		w.Said(at, seat, line)
	}
}

// tracer is what a host on the seat tells its witness, nil if there is none.
func (s *seat) tracer() host.Tracer {
	if s.w.trace.witness == nil {
		return nil
	}
	return witnessed{s}
}

type witnessed struct{ *seat }

func (s witnessed) Started(id wire.MemberID, st raft.State) {
	s.w.trace.witness.Started(s.w.now, s.name, id, st)
}

func (s witnessed) Did(now raft.Status, e raft.Event, o raft.Orders) {
	s.w.trace.witness.Did(s.w.now, s.name, now, e, o)
}
