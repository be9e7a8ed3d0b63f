package host

import (
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// maxForwards bounds what other members' proposals wait here for their turn; more is
// refused, and comes again.
const maxForwards = 256

// onForward takes another member's proposals. They wait while the log is being
// written, and go in with the next batch.
func (h *Host) onForward(m *wire.Message) {
	if h.view.Role != raft.Leader {
		h.refuseForward(m, "not the leader")
		return
	}
	if len(h.controls.forwards) >= maxForwards {
		h.refuseForward(m, "overloaded")
		return
	}
	h.controls.forwards = append(h.controls.forwards, m)
}

// takeForwards appends the proposals of others that wait.
func (h *Host) takeForwards() {
	for _, m := range h.controls.forwards {
		h.takeForward(m)
	}
	clear(h.controls.forwards)
	h.controls.forwards = h.controls.forwards[:0]
}

func (h *Host) takeForward(m *wire.Message) {
	if h.view.Role != raft.Leader {
		h.refuseForward(m, "not the leader")
		return
	}
	count := int(m.Index)
	if err := wire.CheckBody(m.Data, count); err != nil || !onlyProposals(m.Data) {
		h.cfg.Logger.Warn("dropped malformed proposals", "peer", m.From, "error", err)
		h.refuseForward(m, "malformed")
		return
	}
	first, err := h.appendBody(append(wire.NewBody(len(m.Data)), m.Data...), count)
	if err != nil {
		h.refuseForward(m, err.Error())
		return
	}
	h.reply(m, wire.Message{Kind: wire.ForwardReply, ID: m.ID, Pos: first})
}

func (h *Host) refuseForward(m *wire.Message, reason string) {
	h.reply(m, wire.Message{Kind: wire.ForwardReply, ID: m.ID, Reject: true, Data: []byte(reason)})
}

// onlyProposals says whether a checked body holds nothing but what callers may propose,
// in a form that every member can apply: what is committed is never skipped, so that a
// malformed command would stop all of them.
func onlyProposals(body []byte) bool {
	for e := range wire.BodyEntries(body) {
		var err error
		switch e.Kind {
		case wire.KindNoop:
		case wire.KindCommand:
			_, _, err = session.Cut(e.Payload)
		case wire.KindSession:
			_, err = session.DecodeOpening(e.Payload)
		case wire.KindRelayed:
			err = session.CheckRelayed(e.Payload)
		case wire.KindRestore:
			err = checkRestore(e.Payload)
		default:
			return false
		}
		if err != nil {
			return false
		}
	}
	return true
}

func checkRestore(payload []byte) error {
	_, rest, err := session.Cut(payload)
	if err == nil {
		_, err = restoring.Cut(rest)
	}
	return err
}

// reply answers a message.
func (h *Host) reply(to *wire.Message, m wire.Message) {
	m.From, m.To, m.Term = h.card.ID, to.From, h.view.Term
	h.cfg.Transport.Send(h.contact.peer(to.From), &m)
}
