// Package contest is what every contestant of the comparison of Raft libraries is asked
// to be: one member of a cluster, with a directory and an address of its own, that takes
// commands and reads and counts what it applies. Each library's adapter is a package
// below this one; the program that loads them knows nothing but this.
package contest

import (
	"context"
	"errors"
	"time"
)

// Config is one member, and the cluster that it belongs to.
type Config struct {
	// Dir is where the member keeps its files. It exists, and what an earlier life of
	// the same member left in it is there.
	Dir string
	// ID is which of Addrs is the member's own. All members are founders.
	ID    int
	Addrs []string
	// LAN asks for the short timeouts of one local network instead of the library's
	// own defaults.
	LAN bool
	// LeaseReads opens a library so that its reads at Lease need no round to the others,
	// if that is decided when it is opened.
	LeaseReads bool
	// KeepLog keeps the whole log: no snapshots, nothing compacted.
	KeepLog bool
}

// Level is what a read promises.
type Level string

const (
	Linearizable Level = "linearizable" // sees all that was acknowledged before it began
	Lease        Level = "lease"        // the same, as long as clocks run alike
	Stale        Level = "stale"        // sees some state of the past
)

// Member is one running member. All its methods but Close may be called from any
// goroutine.
type Member interface {
	// Leads says whether the member takes itself for the leader.
	Leads() bool
	// Propose returns once the command is on disk on a majority and this member has
	// applied it. The command's bytes are never changed afterwards.
	Propose(ctx context.Context, command []byte) error
	// Read looks at this member's state, while nothing is applied, once that may be done
	// with such a promise. ErrUnsupported says that the library has no part in it.
	Read(ctx context.Context, level Level) error
	// State is what this member has applied. It may be looked at at any time.
	State() *State
	// Close ends the member in order.
	Close() error
}

// Opener opens a member. It does not wait for the others.
type Opener func(Config) (Member, error)

var (
	// ErrUnsupported says that a library does not offer this.
	ErrUnsupported = errors.New("not offered by this library")
	// ErrNotLeader says that another member, or none, leads now: try again elsewhere.
	ErrNotLeader = errors.New("not the leader")
)

// The timeouts that Config.LAN asks of rivals: an election after 150 to 300 ms of silence.
const (
	LANHeartbeat = 50 * time.Millisecond
	LANElection  = 150 * time.Millisecond
)

// MaxCommand is the largest command that contestants must take, in bytes.
const MaxCommand = 1 << 20

// SnapshotEntries is after how many entries a library that counts them takes a snapshot,
// unless the log is to be kept, and TrailingEntries how many stay for those who lag.
const (
	SnapshotEntries = 100_000
	TrailingEntries = 10_000
)
