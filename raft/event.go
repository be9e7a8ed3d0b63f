package raft

import (
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Event is something that happened outside and that the algorithm must know. Events
// enter through Raft.Step, one at a time, with the moment they happened.
type Event interface{ event() }

// Tick says that time has passed and nothing else. It is due at Raft.Deadline.
type Tick struct{}

// Received is a message from another member. Its entries are in Spans; Batches and
// Data are not looked at. Only a message's sender may be trusted to be From: the
// caller checks that.
type Received struct{ Message wire.Message }

// Saved says that every save up to and including number Seq is durable.
type Saved struct{ Seq uint64 }

// Applied says that the state machine has applied all entries up to Index.
type Applied struct{ Index wire.Index }

// LinkUp says that a connection to a member was made. What was in flight to it
// before may be lost, and its process may be another one than before.
type LinkUp struct{ ID wire.MemberID }

// LinkDown says that the connection to a member broke. Gone is set when connecting
// again was refused: the process that was there is dead.
type LinkDown struct {
	ID   wire.MemberID
	Gone bool
}

// SnapshotSent ends the transfer that Orders.Snapshots asked for: the member has
// made the snapshot at Pos durable, or the transfer was given up if Failed.
type SnapshotSent struct {
	To     wire.MemberID
	Pos    wire.Pos
	Failed bool
}

// SnapshotInstalled says, on the receiving side, that a snapshot is durable and has
// become the state: the log now starts after Pos with the membership as of Pos,
// unless the log already holds Pos, in which case only what is before it is dropped.
// From is the leader that sent it, which is told.
type SnapshotInstalled struct {
	Pos        wire.Pos
	Membership wire.Membership
	From       wire.MemberID
}

// Compacted says that the log was cut off up to and including Pos.
type Compacted struct{ Pos wire.Pos }

func (Tick) event()              {}
func (Received) event()          {}
func (Saved) event()             {}
func (Applied) event()           {}
func (LinkUp) event()            {}
func (LinkDown) event()          {}
func (SnapshotSent) event()      {}
func (SnapshotInstalled) event() {}
func (Compacted) event()         {}

// State is what a member finds on its disk when it starts.
type State struct {
	HardState wire.HardState
	// Start is the position before the first entry of the log, and Membership the
	// membership as of Start: both from a snapshot, or zero.
	Start      wire.Pos
	Membership wire.Membership
	// Spans are the entries of the log after Start, in order, without gaps.
	Spans []wire.Span
	// Committed is known to be committed, at least Start.Index, and no more than the
	// entries here that are known to be the leader's: Start.Index is always right.
	Committed wire.Index
}

// Config is what a member is told once.
type Config struct {
	ID wire.MemberID

	// Heartbeat is the time between a leader's signs of life; ElectionTimeout the
	// least time without one after which a follower campaigns. The actual time is
	// drawn from [ElectionTimeout, 2*ElectionTimeout).
	Heartbeat, ElectionTimeout time.Duration

	// ClockDrift is the largest difference between the rates of two members' clocks,
	// in parts of a thousand. A lease is shorter than the promise behind it by that
	// (thesis §6.4.1). Default 100.
	ClockDrift int

	// StallTimeout is how long a leader waits for its own disk before it steps down.
	// Default: four election timeouts, at least 2 s.
	StallTimeout time.Duration

	// MaxMessageBytes bounds the entries of one Append, MaxInflight and
	// MaxInflightBytes the Appends that a follower has not answered, and
	// MaxUncommittedBytes what a leader accepts before it is committed. A single
	// larger entry passes each when nothing else is in the way.
	MaxMessageBytes, MaxInflight, MaxInflightBytes, MaxUncommittedBytes int

	// LateNews lets followers hear of a commit with what they are sent next, a heartbeat at
	// the latest, until Tell is called. A leader that is kept busy saves a message for each
	// commit so. Without it they hear at once.
	LateNews bool

	// MaxVoters is up to how many voters a leader promotes learners that have caught
	// up; 0 leaves that to people.
	MaxVoters int
	// MayVote says which learners a leader may promote; nil for all. It must say the same
	// of a member each time.
	MayVote func(wire.Member) bool

	// ReplaceAfter is for how long a voter may leave this leader without an answer until it
	// becomes a learner, and a learner that has caught up votes in its place; 0 leaves that
	// to people.
	ReplaceAfter time.Duration

	// Random is the source of chance, the only one.
	Random func() uint64
}
