package host

import (
	"fmt"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// A disk that was rolled back to an older image looks whole to the member that lives on
// it, which has forgotten votes and acknowledgements. The leader knows better, if it
// still leads: it remembers how far that member had come.

// errRegressed says that nothing in the directory is damaged, and it is still too old.
var errRegressed = fmt.Errorf("the directory is an older image of this member's: what it has acknowledged since is %w", fsys.ErrDamaged)

// tellRegressed tells a member that its disk went back.
func (h *Host) tellRegressed(lost raft.LostEntries) {
	h.cfg.Logger.Error("a member's disk holds less than it has acknowledged", "peer", lost.Member, "index", lost.Index)
	term, _ := h.core.TermAt(lost.Index)
	h.cfg.Transport.Send(h.contact.peer(lost.Member), &wire.Message{
		Kind: wire.Regressed, From: h.card.ID, To: lost.Member, Term: h.view.Term,
		Pos: wire.Pos{Term: term, Index: lost.Index}, Index: lost.Index,
	})
}

// onRegressed stops this member, and lets the next start ask the others to take it in as
// a new one.
func (h *Host) onRegressed(m *wire.Message) {
	if m.From != h.view.Leader || m.Term != h.view.Term || h.holds(m.Pos) {
		return
	}
	h.cfg.Identity.Lost = true
	if err := identity.Save(h.cfg.Files, h.cfg.Identity); err != nil {
		h.fail(err)
		return
	}
	h.fail(fmt.Errorf("%w: it ends at entry %s, but had entry %s before; start it again, and it asks to be taken in as a new member", errRegressed, h.log.Last(), m.Pos))
}

// holds says whether the entry at a position is in the log or in the state. An older image
// may well have another one at that index, of a leader that was deposed since.
func (h *Host) holds(at wire.Pos) bool {
	term, inLog := h.core.TermAt(at.Index)
	return at.Index <= h.applying.at.Index || inLog && (term == at.Term || at.Term == 0)
}
