package host

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// fresh is how old the state may be, for reads that allow some age. Nothing is taken
// from how long messages were on their way: a follower marks its answers to the leader
// with its own clock, the leader repeats the newest mark that it has seen, and so the
// message that brings it was sent after the mark was made.
type fresh struct {
	base  uint64                   // own marks are times since this
	marks map[wire.MemberID]uint64 // the newest of each follower's

	known   bool
	at      time.Duration // the state was the newest there was, at this moment
	pending []seen
}

// seen is a moment, and what had been committed by then.
type seen struct {
	at        time.Duration
	committed wire.Index
}

func (f *fresh) init(random func() uint64) {
	f.base, f.marks = random(), map[wire.MemberID]uint64{}
}

// mark stamps what goes to another member.
func (h *Host) mark(m *wire.Message) {
	switch m.Kind {
	case wire.Append:
		// A leader that has not committed in its term yet may know of less than was
		// committed before it: its commit index dates nothing (thesis §6.4).
		if _, ok := h.core.LedAt(); ok {
			m.ID = h.fresh.marks[m.To]
		}
	case wire.AppendReply:
		m.ID = h.fresh.base + uint64(h.now)
	}
}

// readMark takes the stamp of what has come.
func (h *Host) readMark(m *wire.Message) {
	switch {
	case m.Kind == wire.AppendReply:
		h.fresh.marks[m.From] = m.ID
	case m.Kind == wire.Append && m.From == h.view.Leader && m.ID != 0:
		// Who sent this believed to lead, and a leader that hears of no majority for
		// an election timeout gives up at the next heartbeat.
		const longAgo = 24 * time.Hour // a mark of this process's earlier life means nothing
		mark := time.Duration(m.ID - h.fresh.base)
		if since := h.now - mark; mark >= 0 && since >= 0 && since < longAgo {
			h.fresh.saw(mark-h.cfg.Raft.ElectionTimeout-h.cfg.Raft.Heartbeat, m.Commit)
			h.fresh.refresh(h.applying.at.Index)
		}
	}
}

// turnFresh notes on a leader when it last certainly led.
func (h *Host) turnFresh() {
	if at, ok := h.core.LedAt(); ok {
		h.fresh.saw(at, h.logging.committed)
		h.fresh.refresh(h.applying.at.Index)
	}
}

func (f *fresh) saw(at time.Duration, committed wire.Index) {
	if n := len(f.pending); n > 0 && f.pending[n-1].committed >= committed {
		f.pending[n-1].at = max(f.pending[n-1].at, at)
		return
	}
	f.pending = append(f.pending, seen{at, committed})
}

func (f *fresh) refresh(applied wire.Index) {
	n := 0
	for n < len(f.pending) && f.pending[n].committed <= applied {
		f.at, f.known = f.pending[n].at, true
		n++
	}
	f.pending = slices.Delete(f.pending, 0, n)
}

// FreshAt is a moment, by Now.Mono, at which the state was certainly the newest there was. It
// says false while none is known.
func (h *Host) FreshAt() (at time.Duration, known bool) { return h.fresh.at, h.fresh.known }

// freshEnough says whether the state was the newest at most age ago.
func (h *Host) freshEnough(age time.Duration) bool {
	return h.fresh.known && h.now-h.fresh.at <= age
}
