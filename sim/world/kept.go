package world

import (
	"errors"

	"github.com/balsaraft/balsa/wire"
)

// kept is what a state with a disk of its own has on it: how far it is, and what it holds
// there, in one step. A crash takes the state back to it. Sessions are not part of it, as
// they are not in a node: those come from the snapshot and from the log after it.
type kept struct {
	at    wire.Index
	count uint64
}

// wake gives the state what its disk holds.
func (m *machine) wake(k kept) { m.kept, m.count = k, k.count }

// flush writes the state to its disk, now and then.
func (m *machine) flush() {
	m.applies++
	if m.durable && m.at > m.kept.at && m.applies%3 == 0 {
		m.seat.kept = kept{m.at, m.count}
	}
}

// errAhead refuses a snapshot, as a node does.
var errAhead = errors.New("the state's disk holds later entries than were replayed")

// ahead says whether the state holds what the log is only about to bring again. Until then
// it is that of another entry than the one that was applied last.
func (m *machine) ahead() bool { return m.at < m.kept.at }

// counted is how many commands were applied, by entry at.
func (m *machine) counted() uint64 {
	if m.at <= m.kept.at {
		return m.judge.entries[m.at-1].count // it is not known any more; the judge knows
	}
	return m.count
}

// judgeKept: a state on a disk of its own is never ahead of the log on this one.
func (s *seat) judgeKept(durable wire.Index) {
	if s.kept.at > durable && s.rotten == 0 {
		broken("%s has a state at entry %d and a log up to %d", s.name, s.kept.at, durable)
	}
}
