package host

import (
	"errors"
	"io"

	"github.com/balsaraft/balsa/storage/snapshot"
	"github.com/balsaraft/balsa/wire"
)

// unread is the snapshot that the member has started from, if its state machine left a part
// of that alone because its own disk holds the state. Nothing depends on that part now:
// whoever hands out bytes of it, or removes older snapshots, checks it first. But the next
// that depends on it should not be the first to find it damaged, so it is read beside the
// work, once the state is as new as it was before the start.
type unread struct {
	pos wire.Pos // 0 for none
}

// turnUnread reads the rest of the snapshot that the member has started from.
func (h *Host) turnUnread() {
	held, _ := h.cfg.Machine.Durable()
	pos := h.unread.pos
	if pos.Index == 0 || h.view.Leader == 0 || h.applying.at.Index < held || h.busy[VerifyLane] {
		return
	}
	var err error
	h.begin(VerifyLane,
		func() { err = h.readWhole(pos) },
		func() {
			h.unread = unread{}
			h.wasRead(pos, err)
		})
}

// readWhole reads a snapshot to its end, which checks it.
func (h *Host) readWhole(pos wire.Pos) error {
	r, err := h.snapshots.Open(pos)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, interruptible{Reader: r, stopping: &h.stopping})
	return err
}

// wasRead replaces a snapshot that cannot be read, from the state, which is whole.
func (h *Host) wasRead(pos wire.Pos, err error) {
	switch {
	case err == nil, errors.Is(err, errStopping):
	case errors.Is(err, snapshot.ErrNotFound): // newer ones have taken its place
	default:
		h.cfg.Logger.Error("the snapshot that this member has started from is damaged; the state is not, and another snapshot is taken of it",
			"at", pos, "error", err)
		h.captures.wanted = true
	}
}
