package restoring

import (
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Patience is how long a leader waits for the next piece of a restore, before it gives it
// up.
const Patience = 20 * time.Second

// Ahead is how far a piece may be ahead of the first one that is missing. Who reads the
// pieces back holds no more of them in memory than that.
const Ahead = 64

var (
	// ErrBusy says that somebody else restores at the same time.
	ErrBusy = errors.New("another restore is under way; wait until it has ended, or for half a minute if nobody goes on with it")
	// ErrLapsed says that a restore is not under way any more.
	ErrLapsed = errors.New("the restore came to a stop, and was given up; begin it again")
	// ErrBehind says that the cluster's log has not come as far as that of the backup.
	ErrBehind = errors.New("the log is shorter than that of the backup")
)

// Tracker knows the restore that is under way, from the log alone, so that all members see
// it alike. Its zero value knows none. It has one owner.
type Tracker struct {
	progress Progress
	pieces   []wire.Index // where each one is in the log; 0 for one that is missing
	first    int          // that is missing
}

// Progress is which restore is under way, 0 for none, and which entry was its last.
type Progress struct {
	ID ID
	At wire.Index
}

// Progress says how the log stands with restores.
func (t *Tracker) Progress() Progress { return t.progress }

// Piece takes note of a piece in the log. One that is there already changes nothing.
func (t *Tracker) Piece(index wire.Index, id ID, number int) error {
	switch under := t.progress.ID; {
	case under != 0 && id != under:
		return ErrBusy
	case under == 0 && number >= Ahead:
		return ErrLapsed
	case under == 0:
		t.progress.ID = id
	case number >= t.first+Ahead:
		return fmt.Errorf("%w: piece %d comes while %d is missing", ErrEntry, number, t.first)
	}
	t.progress.At = index
	for len(t.pieces) <= number {
		t.pieces = append(t.pieces, 0)
	}
	if t.pieces[number] == 0 {
		t.pieces[number] = index
	}
	for t.first < len(t.pieces) && t.pieces[t.first] != 0 {
		t.first++
	}
	return nil
}

// Finish says where the pieces of a restore are that ends with the entry at index. After
// nil and ErrLapsed none is under way any more.
func (t *Tracker) Finish(index wire.Index, id ID, f Finish) ([]wire.Index, error) {
	switch under := t.progress.ID; {
	case under != 0 && id != under:
		return nil, ErrBusy
	case under != 0 && index <= f.Beyond:
		return nil, fmt.Errorf("%w: entry %d would make it the state, and it reaches to %d", ErrBehind, index, f.Beyond)
	}
	pieces := t.pieces
	whole := t.progress.ID == id && t.first == len(pieces) && len(pieces) == f.Pieces
	*t = Tracker{}
	if !whole {
		return nil, ErrLapsed
	}
	return pieces, nil
}

// GiveUp ends a restore, if it is the one under way.
func (t *Tracker) GiveUp(id ID) {
	if id == t.progress.ID {
		*t = Tracker{}
	}
}
