package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MessageKind says what a message asks or answers, and so which fields it uses.
type MessageKind uint8

const (
	// PreVote asks whether a vote would be granted (thesis §9.6): Term is the term
	// that the sender would enter, Pos the end of its log.
	PreVote MessageKind = 1
	// PreVoteReply: Term as asked if granted, the voter's own if Reject.
	PreVoteReply MessageKind = 2
	// Vote asks for a vote: Term, Pos the end of the candidate's log. Force is set
	// when a leader handed over, so that voters do not protect it (thesis §4.2.3).
	Vote MessageKind = 3
	// VoteReply: Term, Reject.
	VoteReply MessageKind = 4
	// Append replicates and is the heartbeat: Term, Pos of the entry before the
	// batches, Commit of the leader, Session of the leader's view of the follower,
	// Round of confirmation, Lease if the leader relies on clocks, Batches (none
	// in a heartbeat or a probe). ID repeats the newest AppendReply's.
	Append MessageKind = 5
	// AppendReply: Term, Session and Round as in the Append it answers, Index up to
	// which the follower's log is durable and equals the leader's. With Reject, Pos
	// is where to look for agreement next: the last entry of the follower whose
	// index and term are not beyond those it was asked about. ID is a mark of when
	// it was sent, for its sender alone.
	AppendReply MessageKind = 6
	// TimeoutNow tells a follower to campaign at once (thesis §3.10): Term.
	TimeoutNow MessageKind = 7
	// ReadIndex asks the leader for a read index: ID of the request, Lease if a
	// lease will do.
	ReadIndex MessageKind = 8
	// ReadIndexReply: ID, Index; Reject if the receiver could not serve it.
	ReadIndexReply MessageKind = 9

	// The kinds from here on are between members' runtimes, not the algorithm's.

	// SnapshotChunk carries Data of a snapshot at Pos, from offset Index; Total in
	// ID; Round numbers the transfer.
	SnapshotChunk MessageKind = 16
	// SnapshotReply: Pos and Round as in the chunk, Index the offset wanted next,
	// Done once the snapshot is durable, Reject if it cannot be used.
	SnapshotReply MessageKind = 17
	// Forward hands proposals to the leader: ID of the hand-over, Data the entries
	// as AppendEntry builds them, Index their number.
	Forward MessageKind = 18
	// ForwardReply: ID; Pos of the first entry appended, or Reject with the reason
	// as text in Data.
	ForwardReply MessageKind = 19
	// Control asks the leader for an operation, encoded in Data: ID of the request.
	Control MessageKind = 20
	// ControlReply: ID; Reject with the reason as text in Data.
	ControlReply MessageKind = 21

	// Regressed tells a member that it once had everything up to Index on its disk, and
	// lacks some of it now: Term, Pos the entry there (of term 0 if that is forgotten).
	Regressed MessageKind = 22
	// StateHash tells the leader what the sender's state hashes to right after the entry
	// at Index: Term, ID the hash.
	StateHash MessageKind = 23
	// Diverged tells a member that after the entry at Index most members' states hash to
	// ID, and its own to something else: Term. With Reject, ID is what the leader's state
	// hashes to, and no majority agrees on anything.
	Diverged MessageKind = 24

	// The kinds from here on go to an address, before membership is settled.

	// Meet introduces a founding member to another: Data is its founding card.
	Meet MessageKind = 32
	// Welcome tells a stranger which cluster it has found: Data holds the cluster's
	// identity and its membership.
	Welcome MessageKind = 33
	// Join asks to become a member: Data is the joiner's card.
	Join MessageKind = 34
	// JoinRefused says why not, as text in Data.
	JoinRefused MessageKind = 35
	// Removed tells a process of the same cluster that the membership at Index, which
	// is committed, does not list it.
	Removed MessageKind = 36
)

// messageNames are by kind; those that are no kind have none.
var messageNames = [...]string{
	PreVote: "prevote", PreVoteReply: "prevote-reply", Vote: "vote", VoteReply: "vote-reply",
	Append: "append", AppendReply: "append-reply", TimeoutNow: "timeout-now",
	ReadIndex: "read-index", ReadIndexReply: "read-index-reply",
	SnapshotChunk: "snapshot-chunk", SnapshotReply: "snapshot-reply",
	Forward: "forward", ForwardReply: "forward-reply", Control: "control", ControlReply: "control-reply", Regressed: "regressed",
	StateHash: "state-hash", Diverged: "diverged",
	Meet: "meet", Welcome: "welcome", Join: "join", JoinRefused: "join-refused", Removed: "removed",
}

func (k MessageKind) String() string {
	if name := k.name(); name != "" {
		return name
	}
	return fmt.Sprintf("message(%d)", uint8(k))
}

// name is "" for what is no kind.
func (k MessageKind) name() string {
	if int(k) < len(messageNames) {
		return messageNames[k]
	}
	return ""
}

// Introduces says whether the kind may pass between processes that do not yet share
// a cluster.
func (k MessageKind) Introduces() bool { return k >= Meet }

// Bulk says whether the kind travels on the connection for bulk data, so that
// heartbeats never wait behind it.
func (k MessageKind) Bulk() bool { return k == SnapshotChunk }

// Message is what one member says to another. Which fields count depends on Kind;
// the others are zero.
type Message struct {
	Kind     MessageKind
	From, To MemberID

	Reject bool // the answer is no
	Force  bool // a campaign that the old leader asked for
	Lease  bool // the leader relies on a lease; the caller accepts one
	Done   bool // nothing more is to come

	Term    Term
	Pos     Pos
	Commit  Index
	Index   Index
	Session uint64
	Round   uint64
	ID      uint64

	Data []byte

	// Batches are the entries of an Append as bytes, in order, without gaps.
	Batches []Batch
	// Spans are the same entries as the algorithm sees them. They are not encoded:
	// the receiver derives them from Batches, the sender fills Batches from them.
	Spans []Span
}

// String prints a message in a line, the fields that are set in a fixed order.
func (m Message) String() string {
	s := fmt.Sprintf("%s %s>%s term=%d", m.Kind, m.From, m.To, m.Term)
	for i, set := range [...]bool{m.Reject, m.Force, m.Lease, m.Done} {
		if set {
			s += [...]string{" reject", " force", " lease", " done"}[i]
		}
	}
	if m.Pos != (Pos{}) {
		s += " pos=" + m.Pos.String()
	}
	for i, n := range [...]uint64{uint64(m.Commit), uint64(m.Index), uint64(m.Session), m.Round, m.ID} {
		if n != 0 {
			s += fmt.Sprintf(" %s=%d", [...]string{"commit", "index", "session", "round", "id"}[i], n)
		}
	}
	if len(m.Data) > 0 {
		s += fmt.Sprintf(" data=%dB", len(m.Data))
	}
	switch {
	case len(m.Spans) > 0:
		s += fmt.Sprintf(" entries=%v", m.Spans)
	case len(m.Batches) > 0:
		s += fmt.Sprintf(" entries=%d..%d", m.Batches[0].First(), m.Batches[len(m.Batches)-1].Last())
	}
	return s
}

// ErrMessage is under every error about the form of a message.
var ErrMessage = errors.New("malformed message")

const (
	flagReject = 1 << iota
	flagForce
	flagLease
	flagDone
	knownFlags = 1<<iota - 1
)

func (m *Message) flags() byte {
	return bit(m.Reject, flagReject) | bit(m.Force, flagForce) | bit(m.Lease, flagLease) | bit(m.Done, flagDone)
}

func bit(set bool, flag byte) byte {
	if set {
		return flag
	}
	return 0
}

// AppendHead adds all of the message to b but the batches, which follow it as they
// are, one after the other, to the message's end:
//
//	u8       kind
//	u8       flags: 1 reject, 2 force, 4 lease, 8 done
//	u64      from, to
//	uvarint  term, pos.term, pos.index, commit, index, session, round, id
//	uvarint  length of data, then data
//	         the batches
func (m *Message) AppendHead(b []byte) []byte { return append(m.AppendFields(b), m.Data...) }

// AppendFields adds what AppendHead adds, up to Data's bytes and without them, for
// callers that hand these on by reference.
func (m *Message) AppendFields(b []byte) []byte {
	b = append(b, byte(m.Kind), m.flags())
	b = binary.LittleEndian.AppendUint64(b, uint64(m.From))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.To))
	for _, v := range [...]uint64{
		uint64(m.Term), uint64(m.Pos.Term), uint64(m.Pos.Index),
		uint64(m.Commit), uint64(m.Index), m.Session, m.Round, m.ID,
	} {
		b = binary.AppendUvarint(b, v)
	}
	return binary.AppendUvarint(b, uint64(len(m.Data)))
}

// Append adds the whole message to b.
func (m *Message) Append(b []byte) []byte {
	b = m.AppendHead(b)
	for _, batch := range m.Batches {
		b = append(b, batch...)
	}
	return b
}

// Size is how many bytes Append adds at most.
func (m *Message) Size() int {
	n := 18 + 9*binary.MaxVarintLen64 + len(m.Data)
	for _, batch := range m.Batches {
		n += len(batch)
	}
	return n
}

// DecodeMessage reads what Append wrote. The message shares b's memory. It checks
// the form of every batch, that only an Append has any, and that they follow Pos
// without gaps; Spans are filled.
func DecodeMessage(b []byte) (Message, error) {
	d := decoder{rest: b}
	m := Message{Kind: MessageKind(d.byte())}
	flags := d.byte()
	m.Reject, m.Force, m.Lease, m.Done = flags&flagReject != 0, flags&flagForce != 0, flags&flagLease != 0, flags&flagDone != 0
	m.From, m.To = MemberID(d.u64()), MemberID(d.u64())
	m.Term = Term(d.uvarint())
	m.Pos.Term, m.Pos.Index = Term(d.uvarint()), Index(d.uvarint())
	m.Commit, m.Index = Index(d.uvarint()), Index(d.uvarint())
	m.Session, m.Round, m.ID = d.uvarint(), d.uvarint(), d.uvarint()
	m.Data = d.bytes()
	switch {
	case d.err != nil:
		return Message{}, fmt.Errorf("%w: %w", ErrMessage, d.err)
	case m.Kind.name() == "":
		return Message{}, fmt.Errorf("%w: kind %d is unknown here; is the sender a newer version?", ErrMessage, uint8(m.Kind))
	case flags&^knownFlags != 0:
		return Message{}, fmt.Errorf("%w: flags %#x are unknown here; is the sender a newer version?", ErrMessage, flags)
	case m.Kind != Append && len(d.rest) > 0:
		return Message{}, fmt.Errorf("%w: %d bytes too many after a %s", ErrMessage, len(d.rest), m.Kind)
	}
	// In two steps: decodeBatches changes m, and Go leaves open whether a return
	// statement would read m before or after the call.
	err := m.decodeBatches(d.rest)
	return m, err
}

func (m *Message) decodeBatches(rest []byte) error {
	prev := m.Pos
	for len(rest) > 0 {
		batch, after, err := ParseBatch(rest)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMessage, err)
		}
		if batch.First() != prev.Index+1 || batch.Term() < prev.Term || batch.Term() > m.Term {
			return fmt.Errorf("%w: entries %d/%d after %s in term %d", ErrMessage, batch.Term(), batch.First(), prev, m.Term)
		}
		span, err := batch.Span()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMessage, err)
		}
		m.Batches, m.Spans = append(m.Batches, batch), append(m.Spans, span)
		prev, rest = batch.End(), after
	}
	return nil
}
