package balsa

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/balsaraft/balsa/storage/wal"
	"github.com/balsaraft/balsa/wire"
)

// LogEntry is an entry as it stands in the log, for people to look at.
type LogEntry[C any] struct {
	Entry
	// Kind is command or relayed, a command of a caller inside or outside the cluster;
	// noop, by which a leader begins its term; membership or session.
	Kind string
	// Size is the payload's, in bytes.
	Size int
	// Command is what a command or relayed entry asks for, nil if the entry holds none.
	// That it stands here does not mean that it ran: a repeat of one that has run is
	// skipped.
	Command *C
}

// maxEntriesBytes bounds how much of the log Entries reads at a time.
const maxEntriesBytes = 256 << 10

// Entries looks at entries from an index on that were applied on this member and are on
// its disk, as many as there are up to most, and fewer if they are large. None are there
// yet after Status.Applied. Errors: ErrCompacted up to Status.Compacted, ErrClosed, damage to the
// log, and a command that the codec does not understand.
func (n *Node[S, C, R]) Entries(ctx context.Context, from Index, most int) ([]LogEntry[C], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	from = max(from, 1)
	batches, err := n.read(from, maxEntriesBytes)
	var found []LogEntry[C]
	for _, b := range batches {
		for index, e := range b.Entries() {
			switch {
			case index < from:
				continue
			case len(found) == most:
				return found, nil
			}
			shown, err := n.logEntry(entryIn(b, index), e)
			if err != nil {
				return nil, err
			}
			found = append(found, shown)
		}
	}
	return found, err
}

func (n *Node[S, C, R]) logEntry(at Entry, e wire.Entry) (LogEntry[C], error) {
	shown := LogEntry[C]{Entry: at, Kind: e.Kind.String(), Size: len(e.Payload)}
	data, holds, err := CommandIn(e)
	if err != nil || !holds {
		return shown, err
	}
	command, err := n.machine.commands.Decode(slices.Clone(data))
	if err != nil {
		return shown, fmt.Errorf("balsa: the command of entry %d: %w", at.Index, err)
	}
	shown.Command = &command
	return shown, nil
}

// read fetches applied entries from an index on, up to some bytes at a time; none if
// there are none yet.
func (n *Node[S, C, R]) read(from Index, bytes int) ([]wire.Batch, error) {
	var view *wal.View
	var err error
	if !n.ask(func() { view, err = n.host.Entries(from) }) {
		return nil, ErrClosed
	}
	if errors.Is(err, wal.ErrCompacted) {
		return nil, fmt.Errorf("balsa: entry %d: %w: the log starts later", from, ErrCompacted)
	}
	if err != nil || view == nil {
		return nil, err
	}
	defer view.Close()
	return view.Read(bytes)
}
