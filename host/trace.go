package host

import (
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Tracer is told of all that the algorithm is told and does, as it happens and before
// anybody else hears of it. It is called by the owner of the host and must not keep what
// it is given. Package trace has one that writes it down.
type Tracer interface {
	// Started tells that the algorithm starts with what the disk holds.
	Started(wire.MemberID, raft.State)
	// Did tells how the member stands after an event, nil if it was a request, and what
	// came of it.
	Did(raft.Status, raft.Event, raft.Orders)
}

func (h *Host) traceStart(st raft.State) {
	if h.cfg.Tracer != nil {
		h.cfg.Tracer.Started(h.card.ID, st)
	}
}

func (h *Host) trace(e raft.Event, o raft.Orders) {
	if h.cfg.Tracer != nil {
		h.cfg.Tracer.Did(h.core.Status(), e, o)
	}
}
