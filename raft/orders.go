package raft

import (
	"errors"

	"github.com/balsaraft/balsa/wire"
)

// Orders is the work that events have caused since Orders was last taken. Everything
// in it may be begun at once and in any order, except that saves are made in order:
// what must wait for a save is held back inside until Saved says that it is durable.
type Orders struct {
	// Saves are to be made durable in this order. Several may share one sync.
	Saves []Save
	// Send are the messages for other members. An Append with Spans needs their
	// bytes from the log.
	Send []wire.Message
	// Committed is the commit index if it has advanced, else 0. Entries up to it may
	// be applied.
	Committed wire.Index
	// Reads are the answers to Read.
	Reads []ReadAnswer
	// Snapshots are the members that need a snapshot because the log does not reach
	// back far enough for them. The end of a transfer is told by SnapshotSent; one
	// transfer may serve two orders for the same member.
	Snapshots []SnapshotOrder
	// Lost are members whose disks went back: they acknowledged entries that they do not
	// have any more. They must not take part on the strength of what is left.
	Lost []LostEntries
	// Changed says that Status differs in role, term, leader or membership.
	Changed bool
}

// Save is one thing to make durable: a hard state, entries, or both.
type Save struct {
	Seq uint64 // echoed by Saved; grows by one with each save
	// HardState is nil if it is unchanged.
	HardState *wire.HardState
	// Entries go to the log. If the first lies at or before the log's end, the log is
	// truncated to what is before it first.
	Entries []SavedEntries
}

// SavedEntries is a span to save and where its bytes come from.
type SavedEntries struct {
	wire.Span
	Origin Origin
}

// Origin says who holds the bytes of entries.
type Origin uint8

const (
	// FromProposal entries were just given to Propose.
	FromProposal Origin = iota
	// FromMessage entries are in the Append that was just received. The span may
	// start after the first entry of a batch.
	FromMessage
	// FromCore entries were made by the algorithm: a membership if Membership is
	// set, else a no-op. The caller encodes them.
	FromCore
)

// ReadAnswer answers Read.
type ReadAnswer struct {
	ID uint64
	// Index is what must be applied before the state is read.
	Index wire.Index
	// Failed: no leader confirmed it; ask again.
	Failed bool
}

// LostEntries says that a member had everything up to Index on its disk, and now lacks
// the entry there.
type LostEntries struct {
	Member wire.MemberID
	Index  wire.Index
}

// SnapshotOrder asks for a snapshot to be sent. It must be at least at Least.
type SnapshotOrder struct {
	To    wire.MemberID
	Least wire.Index
}

var (
	// ErrNotLeader: only a leader takes proposals, and this member is none.
	ErrNotLeader = errors.New("raft: not the leader")
	// ErrTransferring: the leader is handing over and takes no proposals meanwhile.
	ErrTransferring = errors.New("raft: leadership is being transferred")
	// ErrTooMuchUncommitted: MaxUncommittedBytes are waiting for commit already.
	ErrTooMuchUncommitted = errors.New("raft: too much waits for commit")
	// ErrChangeInProgress: one change of members at a time.
	ErrChangeInProgress = errors.New("raft: a change of members is under way")
	// ErrNotReady: the leader has not committed in its term yet.
	ErrNotReady = errors.New("raft: the leader has not committed in its term yet")
	// ErrNoVoter: the change would leave no voter.
	ErrNoVoter = errors.New("raft: no voter would be left")
	// ErrUnknownMember: the member is not part of the membership or not a voter.
	ErrUnknownMember = errors.New("raft: no such voter")
)

// Role is what a member is doing in its term.
type Role uint8

const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

func (r Role) String() string {
	switch r {
	case Follower:
		return "follower"
	case PreCandidate:
		return "pre-candidate"
	case Candidate:
		return "candidate"
	}
	return "leader"
}
