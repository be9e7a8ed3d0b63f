package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// ID names a session. It is drawn at random by who opens it, and never used again.
type ID uint64

func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ErrEntry is under every error about the form of what this package reads in an
// entry.
var ErrEntry = errors.New("malformed session entry")

// Envelope stands in front of a command:
//
//	u64      session
//	uvarint  number of the command in its session, from 1
//	uvarint  that number less the lowest one that the caller still waits for
type Envelope struct {
	Session ID
	Seq     uint64
	Low     uint64 // all below are answered; Low <= Seq
}

// MaxEnvelope is the most bytes an envelope takes.
const MaxEnvelope = 8 + 2*binary.MaxVarintLen64

// Append adds the encoded envelope to b.
func (e Envelope) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Session))
	b = binary.AppendUvarint(b, e.Seq)
	return binary.AppendUvarint(b, e.Seq-e.Low)
}

// Cut reads the envelope off a command's payload and returns the command's bytes.
func Cut(payload []byte) (e Envelope, command []byte, err error) {
	if len(payload) < 8 {
		return e, nil, fmt.Errorf("%w: %d bytes are no envelope", ErrEntry, len(payload))
	}
	e.Session = ID(binary.LittleEndian.Uint64(payload))
	rest := payload[8:]
	seq, n := binary.Uvarint(rest)
	if n <= 0 {
		return e, nil, fmt.Errorf("%w: the command's number is cut off", ErrEntry)
	}
	rest = rest[n:]
	behind, n := binary.Uvarint(rest)
	if n <= 0 || seq == 0 || behind >= seq {
		return e, nil, fmt.Errorf("%w: command %d, %d after the oldest unanswered", ErrEntry, seq, behind)
	}
	e.Seq, e.Low = seq, seq-behind
	return e, rest[n:], nil
}

// SetSession writes another session into the envelope at the front of payload, which
// must not have been shared yet.
func SetSession(payload []byte, id ID) { binary.LittleEndian.PutUint64(payload, uint64(id)) }

// Opening is the payload of the entry that opens a session. How long the session
// lives unused is in the log, so that all members let it expire alike.
//
//	u64      session
//	uvarint  time to live, in nanoseconds of replicated time
//	uvarint  when it was made, ns of replicated time
type Opening struct {
	Session ID
	TTL     time.Duration
	// Made is the time of the last entry that who opens it had applied: the entry that
	// opens it comes after that one. A relayed opening has none.
	Made int64
}

// Append adds the encoded opening to b.
func (o Opening) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(o.Session))
	b = binary.AppendUvarint(b, uint64(o.TTL))
	return binary.AppendUvarint(b, uint64(o.Made))
}

// DecodeOpening reads what Append wrote.
func DecodeOpening(payload []byte) (Opening, error) {
	if len(payload) < 9 {
		return Opening{}, fmt.Errorf("%w: %d bytes open no session", ErrEntry, len(payload))
	}
	ttl, n := binary.Uvarint(payload[8:])
	if n <= 0 || ttl == 0 || ttl > uint64(MaxTTL) {
		return Opening{}, fmt.Errorf("%w: a time to live of %d ns in %d bytes", ErrEntry, ttl, len(payload)-8)
	}
	made, m := binary.Uvarint(payload[8+n:])
	if m != len(payload)-8-n || made > math.MaxInt64 {
		return Opening{}, fmt.Errorf("%w: made at %d ns in %d bytes", ErrEntry, made, len(payload)-8-n)
	}
	return Opening{ID(binary.LittleEndian.Uint64(payload)), time.Duration(ttl), int64(made)}, nil
}

// MaxTTL bounds a session's time to live.
const MaxTTL = 365 * 24 * time.Hour
