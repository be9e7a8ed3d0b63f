package balsa

import (
	"fmt"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/wire"
)

// rewound is the newest restore into the running cluster, and the entry at which it became
// the state; at is 0 if there was none.
type rewound struct {
	id restoring.ID
	at Index
}

// applyRestore takes note of a piece of a backup, or has the host make the pieces the state.
func (m *machine[S, C, R]) applyRestore(index Index, payload []byte, b wire.Batch, out *host.ApplyOutput) error {
	member, rest, err := session.Cut(payload)
	if err != nil {
		return fmt.Errorf("apply entry %d: %w", index, err)
	}
	e, err := restoring.Cut(rest)
	if err != nil {
		return fmt.Errorf("apply entry %d: %w; was it written by a newer version?", index, err)
	}
	if e.Step == restoring.StepGiveUp && member.Session == 0 {
		m.tracker.GiveUp(e.ID) // the leader's
		return nil
	}
	var none R
	if verdict, _ := m.table.Begin(member, b.Time()); verdict != session.Fresh {
		m.answerAgain(member, verdict, none, out)
		return nil
	}
	switch e.Step {
	case restoring.StepPiece:
		err = m.tracker.Piece(index, e.ID, e.Number)
	case restoring.StepGiveUp:
		m.tracker.GiveUp(e.ID)
	case restoring.StepFinish:
		var pieces []Index
		if pieces, err = m.tracker.Finish(index, e.ID, e.Finish); err == nil {
			return m.install(member, host.Install{At: index, Pieces: pieces, ID: e.ID, Finish: e.Finish}, b, out)
		}
	}
	if err != nil {
		// Not finished, so that it is as if it had not come.
		m.refuse(member, true, err)
		return nil
	}
	m.finish(member, none)
	return nil
}

// install has the host make a backup the state. The sessions stay those of this cluster: a
// command that has run is answered as before, and does not run on the backup's state. Who
// waits for the restore is answered by Restore.
func (m *machine[S, C, R]) install(member session.Envelope, order host.Install, b wire.Batch, out *host.ApplyOutput) error {
	if err := m.applyGroup(b); err != nil {
		return err
	}
	var none R
	m.table.Finish(member, none)
	var err error
	if order.Head, err = m.contentHead(rewound{order.ID, order.At}); err != nil {
		return fmt.Errorf("apply entry %d: %w", order.At, err)
	}
	out.Install = &order
	return nil
}

// restoredAt says whether an entry is the one at which a backup became the state.
func (m *machine[S, C, R]) restoredAt(index Index) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.rewound.at == index
}
