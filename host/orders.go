package host

import (
	"fmt"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// step tells the algorithm of an event and does what it orders.
func (h *Host) step(e raft.Event) {
	h.core.Step(h.now, e)
	h.execute(e)
}

// execute does what the algorithm orders after an event, nil for a request. carried holds
// the bytes of the entries that the event or a proposal brought.
func (h *Host) execute(e raft.Event) {
	o := h.core.Orders()
	h.trace(e, o)
	for i := range o.Saves {
		h.save(&o.Saves[i])
	}
	h.carried = nil
	for i := range o.Send {
		h.mark(&o.Send[i])
		h.send(&o.Send[i])
	}
	if o.Committed > 0 {
		h.logging.committed = o.Committed
	}
	for _, a := range o.Reads {
		h.answerRead(a)
	}
	for _, s := range o.Snapshots {
		h.beginSending(s)
	}
	for _, lost := range o.Lost {
		h.tellRegressed(lost)
	}
	if o.Changed {
		h.noteChange()
	}
}

// save stages one save in the log. It is written with the next flush.
func (h *Host) save(s *raft.Save) {
	if s.HardState != nil {
		h.log.SaveHardState(*s.HardState)
	}
	for _, e := range s.Entries {
		h.append(e)
	}
	h.logging.staged = s.Seq
}

// append puts entries into the log: bytes that came with the event, or those of an
// entry that the algorithm itself wants.
func (h *Host) append(e raft.SavedEntries) {
	if e.Origin == raft.FromCore {
		h.log.Append(h.encode(e.Span))
		return
	}
	for next := e.First; next <= e.Last; {
		b := h.carriedAt(next)
		if b == nil {
			h.fail(fmt.Errorf("host: the algorithm saves entry %d, whose bytes nobody brought", next))
			return
		}
		if b.Last() > e.Last {
			b = b.Until(e.Last)
		}
		h.log.Append(b)
		next = b.Last() + 1
	}
}

// carriedAt is the part of the carried batch that starts at an index.
func (h *Host) carriedAt(first wire.Index) wire.Batch {
	for _, b := range h.carried {
		if b.First() <= first && first <= b.Last() {
			return b.From(first)
		}
	}
	return nil
}

func (h *Host) encode(s wire.Span) wire.Batch {
	kind, payload := wire.KindNoop, []byte(nil)
	if s.Membership != nil {
		kind, payload = wire.KindMembership, s.Membership.Append(nil)
	}
	body := wire.AppendEntry(wire.NewBody(len(payload)+8), kind, payload)
	return wire.NewBatch(wire.Pos{Term: s.Term, Index: s.First}, h.entryTime(), 1, body)
}

// entryTime is the time that an entry appended now gets: the leader's clock, which
// never goes back from what is in the log, or in a snapshot that the log starts from,
// whoever wrote that.
func (h *Host) entryTime() int64 { return max(h.wall, h.log.LastTime(), h.applying.time) }

// send gives a message to the transport, after its entries have got their bytes.
func (h *Host) send(m *wire.Message) {
	if m.Kind == wire.Append {
		h.noteSent(m)
		h.sendAppend(m)
		return
	}
	h.cfg.Transport.Send(h.contact.peer(m.To), m)
}

// noteChange looks at what has changed in role, term, leader or membership.
func (h *Host) noteChange() {
	before := h.view
	h.view = h.core.Status()
	h.meterChange(before)
	if before.Term != h.view.Term || before.Leader != h.view.Leader {
		h.outbox.leaderChanged()
		h.reads.leaderChanged()
		h.controls.leaderChanged()
		clear(h.contact.roundTrips) // each reign numbers its rounds anew
		h.tellHash()
		h.event(Event{Kind: LeaderChanged, Term: h.view.Term, Leader: h.view.Leader})
	}
	if !before.Membership.Equal(h.view.Membership) {
		h.contact.membershipChanged()
		if err := h.versionFits(); err != nil {
			h.fail(err)
		}
		h.event(Event{Kind: MembersChanged, Membership: h.view.Membership})
	}
	h.event(Event{Kind: RoleChanged, Role: h.view.Role})
}
