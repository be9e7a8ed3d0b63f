package host

import (
	"io"
	"log/slog"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/restoring"
	"github.com/balsaraft/balsa/session"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// Config is what a host is told once. All fields but SlowDisk, Preferred, Founders, Join, Tracer and
// Meter are required.
type Config struct {
	Files     fsys.FS // already locked by the caller
	Identity  identity.Identity
	Card      wire.Card // ID, name, address, incarnation
	Machine   Machine
	Transport Transport
	Logger    *slog.Logger

	// Founders maps the names of a new cluster's members to their addresses, Card's
	// own name among them. Join lists addresses of a running cluster's members. With
	// neither, a directory that belongs to no cluster becomes one of one member.
	// In a directory that does, both are hints where the others may be.
	Founders map[string]string
	Join     []string

	// SlowDisk is how long a write of the log may take on a leader, again and again while
	// the others are quicker, until it hands over; 0 for as long as it likes. Preferred
	// lets this member ask for leadership where others lead.
	SlowDisk  time.Duration
	Preferred bool

	Raft          raft.Config   // ID, Random and LateNews are filled in
	SegmentBytes  int64         // of the log
	CacheBytes    int           // of the log
	SnapshotBytes int64         // of log applied since the last snapshot, that cause one
	KeepSnapshots int           // at least 1
	SessionTTL    time.Duration // of replicated time
	HashEvery     wire.Index    // entries between two hashes of the state; usually HashEvery
	Random        func() uint64 // the only source of chance
	Tracer        Tracer        // nil if nobody asks
	Meter         Meter
}

// Machine is the state that the log drives, sessions included. Its methods are called
// by tasks, one at a time.
type Machine interface {
	// Apply applies entries that are committed, in order, each once. An error stops
	// the member.
	Apply(ApplyInput) (ApplyOutput, error)
	// Capture takes hold of the state as it is, so that WriteTo can write it later
	// beside Apply.
	Capture() (io.WriterTo, error)
	// Restore replaces the state by what WriteTo wrote at ApplyInput.At. Whoever holds the
	// state of that entry or a later one on a disk of its own may leave the rest unread.
	Restore(ApplyInput, io.Reader) (ApplyOutput, error)
	// Durable says whether the state is kept on a disk of its own, and which entry was the
	// last in it when it was opened. It is then never given an entry that this member's log
	// could lose in a crash.
	Durable() (held wire.Index, ok bool)
}

// ApplyInput is what a machine is given.
type ApplyInput struct {
	Batches []wire.Batch
	// Own is the session whose commands' callers wait on this member, 0 for none.
	Own session.ID
	// HashEvery says after which entries the state is to be hashed: those at its
	// multiples.
	HashEvery wire.Index
	// At is the position of the snapshot to restore, Time that entry's, nanoseconds since
	// 1970 by the replicated clock.
	At   wire.Pos
	Time int64
}

// ApplyOutput is what a host must know of an apply.
type ApplyOutput struct {
	// Opened says that the session Own is open; Expired that the log calls it unknown: it
	// was unused for too long, or its opening came too late.
	Opened, Expired bool
	// Refused are commands whose session was unused for too long: those that will not run,
	// and, of Restore, all that wait in a session that the snapshot does not know, of which
	// those that have left may have run. They come out of the host's turn, once it has put
	// another session in the place of one that has expired, under which goes what has not left.
	Refused []Refusal
	// Low is the lowest of this member's own commands that is not answered.
	Low uint64
	// Hashes are what the state hashed to on the way, if it can say.
	Hashes []StateHash
	// Staged is the restore that is under way, whose pieces the log must keep: no snapshot is
	// taken meanwhile.
	Staged restoring.Progress
	// Install says that Apply has stopped at the last entry of a restore: the host makes a
	// snapshot of what it says and gives it to Restore. What follows that entry was not
	// applied. nil if it has not.
	Install *Install
}

// Transport carries messages between members. Its methods are called by the owner of
// the host, and none of them waits.
type Transport interface {
	// Introduce says who this process is: before the first Send, and again when its
	// cluster becomes known.
	Introduce(wire.Card)
	// Connect says which members to hold connections to; others are let go.
	Connect([]wire.Peer)
	// Send queues a message, or drops it when the peer's queue is full. Batches and
	// Data are never changed afterwards, so that it may keep them.
	Send(wire.Peer, *wire.Message)
	// Drain appends what has arrived, in order for each peer.
	Drain([]wire.Arrival) []wire.Arrival
}
