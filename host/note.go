package host

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// MaxNote bounds a note, in bytes, so that many of them delay no heartbeat.
const MaxNote = 4 << 10

// Note is what another member has said last by Tell.
type Note struct {
	From  wire.MemberID
	Data  []byte
	Heard time.Duration // on this host's clock
}

// notes are what other members have said, one of each. The algorithm knows nothing of
// them.
type notes map[wire.MemberID]Note

// Tell sends a note of at most MaxNote bytes to the members to which there is a
// connection, once and without an answer. It travels as an operation, which members that
// do not know of notes refuse and forget.
func (h *Host) Tell(note []byte) {
	data := encode(Command{Op: tell, Note: note})
	for _, id := range h.contact.ids {
		if h.contact.up[id] {
			h.cfg.Transport.Send(h.contact.peer(id), &wire.Message{
				Kind: wire.Control, From: h.card.ID, To: id, Term: h.view.Term, Data: data,
			})
		}
	}
}

// Notes are the last notes of the other members, in order of their identities.
func (h *Host) Notes() (all []Note) {
	maps.DeleteFunc(h.notes, func(id wire.MemberID, _ Note) bool { return !h.isMember(id) })
	for _, id := range slices.Sorted(maps.Keys(h.notes)) {
		all = append(all, h.notes[id])
	}
	return all
}

// hearNote takes the note out of an operation, if that is what it is. Members alone are
// listened to, so that what is kept is bounded.
func (h *Host) hearNote(m *wire.Message) (was bool) {
	var c Command
	if json.Unmarshal(m.Data, &c) != nil || c.Op != tell {
		return false
	}
	if len(c.Note) > MaxNote || !h.isMember(m.From) {
		return true
	}
	if h.notes == nil {
		h.notes = notes{}
	}
	h.notes[m.From] = Note{m.From, c.Note, h.now}
	return true
}

func (h *Host) isMember(id wire.MemberID) bool {
	_, in := h.view.Membership.Find(id)
	return in
}
