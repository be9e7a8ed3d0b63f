package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/balsaraft/balsa/internal/unzeroed"
)

// EntryKind says who reads an entry's payload.
type EntryKind uint8

const (
	// KindNoop opens a term; its payload is empty (thesis §6.4).
	KindNoop EntryKind = 1
	// KindCommand carries a command of the user's state machine.
	KindCommand EntryKind = 2
	// KindMembership carries an encoded Membership. It is alone in its batch.
	KindMembership EntryKind = 3
	// KindSession opens a session (thesis §6.3).
	KindSession EntryKind = 4
	// KindRelayed carries what a caller outside the cluster asks of its own session: a
	// member brings it to the log.
	KindRelayed EntryKind = 5
	// KindRestore belongs to the restore of a backup into the running cluster.
	KindRestore EntryKind = 6
)

func (k EntryKind) String() string {
	switch k {
	case KindNoop:
		return "noop"
	case KindCommand:
		return "command"
	case KindMembership:
		return "membership"
	case KindSession:
		return "session"
	case KindRelayed:
		return "relayed"
	case KindRestore:
		return "restore"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// BatchHeaderSize is the number of bytes before a batch's entries.
const BatchHeaderSize = 32

// A Batch is a run of consecutive entries of one term that were appended at one
// time, in encoded form. Whoever proposes encodes an entry once; those bytes then go
// into the log, onto the wire, into the follower's log and to Apply.
//
//	 0  u32  length of the body in bytes
//	 4  u32  number of entries, at least 1
//	 8  u64  term
//	16  u64  index of the first entry, at least 1
//	24  i64  time of the append, nanoseconds since 1970 by the leader's clock
//	32  body: the entries, each
//	         uvarint  length of what follows (kind and payload), at least 1
//	         u8       kind
//	         payload
//
// A batch has no checksum of its own: frames and log records carry one around it.
// A Batch is read-only once it is built, and may be shared.
type Batch []byte

// ErrBatch is under every error about the form of a batch.
var ErrBatch = errors.New("malformed batch")

// Term is the term of all entries of the batch.
func (b Batch) Term() Term { return Term(binary.LittleEndian.Uint64(b[8:])) }

// First is the index of the batch's first entry.
func (b Batch) First() Index { return Index(binary.LittleEndian.Uint64(b[16:])) }

// Count is the number of entries, at least 1.
func (b Batch) Count() int { return int(binary.LittleEndian.Uint32(b[4:])) }

// Last is the index of the batch's last entry.
func (b Batch) Last() Index { return b.First() + Index(b.Count()) - 1 }

// End is the position of the batch's last entry.
func (b Batch) End() Pos { return Pos{b.Term(), b.Last()} }

// Time is the replicated clock at the append, in nanoseconds since 1970.
func (b Batch) Time() int64 { return int64(binary.LittleEndian.Uint64(b[24:])) }

func (b Batch) body() []byte { return b[BatchHeaderSize:] }

// Entries yields each entry's index, kind and payload. The payload is a part of the
// batch and must not be changed.
func (b Batch) Entries() iter.Seq2[Index, Entry] {
	return func(yield func(Index, Entry) bool) {
		index, rest := b.First(), b.body()
		for len(rest) > 0 {
			var e Entry
			e, rest = cutEntry(rest)
			if !yield(index, e) {
				return
			}
			index++
		}
	}
}

// Entry is one entry of a batch as it is read back.
type Entry struct {
	Kind    EntryKind
	Payload []byte
}

// cutEntry takes the first entry off a body that was checked before.
func cutEntry(body []byte) (e Entry, rest []byte) {
	length, n := binary.Uvarint(body)
	return Entry{EntryKind(body[n]), body[n+1 : n+int(length)]}, body[n+int(length):]
}

// Span is what the algorithm knows of the batch, which must be well formed: a
// membership that does not decode is an error.
func (b Batch) Span() (Span, error) {
	s := Span{Term: b.Term(), First: b.First(), Last: b.Last(), Bytes: len(b)}
	first, _ := cutEntry(b.body())
	if first.Kind != KindMembership {
		return s, nil
	}
	m, err := DecodeMembership(first.Payload)
	if err != nil {
		return s, fmt.Errorf("membership at index %d: %w", b.First(), err)
	}
	s.Membership = &m
	return s, nil
}

// From is the part of the batch that starts at index first, as a batch of its own
// with the same term and time. It is b itself if b starts there, and a copy if not.
// first must lie within the batch.
func (b Batch) From(first Index) Batch {
	skip := int(first - b.First())
	if skip == 0 {
		return b
	}
	rest := b.body()
	for range skip {
		_, rest = cutEntry(rest)
	}
	return NewBatch(Pos{b.Term(), first}, b.Time(), b.Count()-skip, append(NewBody(len(rest)), rest...))
}

// Until is the part of the batch that ends at index last, as From is the part that
// starts somewhere. last must lie within the batch.
func (b Batch) Until(last Index) Batch {
	keep := int(last-b.First()) + 1
	if keep == b.Count() {
		return b
	}
	rest := b.body()
	for range keep {
		_, rest = cutEntry(rest)
	}
	kept := b.body()[:len(b.body())-len(rest)]
	return NewBatch(Pos{b.Term(), b.First()}, b.Time(), keep, append(NewBody(len(kept)), kept...))
}

// LastWithin is the index up to which Until takes at most so many bytes, and the one before
// the batch's first where that is no entry.
func (b Batch) LastWithin(bytes int) Index {
	last, rest := b.First()-1, b.body()
	for left := bytes - BatchHeaderSize; len(rest) > 0; last++ {
		_, after := cutEntry(rest)
		if left -= len(rest) - len(after); left < 0 {
			break
		}
		rest = after
	}
	return last
}

// NewBody makes room for a batch: the header's bytes, which NewBatch fills, and capacity for
// n bytes of entries after it. Entries are added with AppendEntry.
func NewBody(n int) []byte { return unzeroed.Bytes(BatchHeaderSize + n)[:BatchHeaderSize] }

// AppendEntry adds an entry to a body made by NewBody.
func AppendEntry(body []byte, kind EntryKind, payload []byte) []byte {
	body = binary.AppendUvarint(body, uint64(len(payload)+1))
	body = append(body, byte(kind))
	return append(body, payload...)
}

// AppendEntryParts is AppendEntry for a payload in two parts.
func AppendEntryParts(body []byte, kind EntryKind, head, tail []byte) []byte {
	body = binary.AppendUvarint(body, uint64(len(head)+len(tail)+1))
	body = append(body, byte(kind))
	body = append(body, head...)
	return append(body, tail...)
}

// NewBatch fills the header of a body that NewBody made and that holds count
// entries, and returns it as a batch. It takes the body over.
func NewBatch(first Pos, time int64, count int, body []byte) Batch {
	binary.LittleEndian.PutUint32(body[0:], uint32(len(body)-BatchHeaderSize))
	binary.LittleEndian.PutUint32(body[4:], uint32(count))
	binary.LittleEndian.PutUint64(body[8:], uint64(first.Term))
	binary.LittleEndian.PutUint64(body[16:], uint64(first.Index))
	binary.LittleEndian.PutUint64(body[24:], uint64(time))
	return Batch(body)
}

// ParseBatch cuts one batch off the front of b and checks its form to the last
// entry, so that the methods of Batch can rely on it. The batch shares b's memory.
func ParseBatch(b []byte) (Batch, []byte, error) {
	if len(b) < BatchHeaderSize {
		return nil, nil, fmt.Errorf("%w: %d bytes are less than its header", ErrBatch, len(b))
	}
	length := uint64(binary.LittleEndian.Uint32(b))
	if length > uint64(len(b)-BatchHeaderSize) {
		return nil, nil, fmt.Errorf("%w: its body of %d bytes is cut off after %d", ErrBatch, length, len(b)-BatchHeaderSize)
	}
	end := BatchHeaderSize + int(length)
	batch := Batch(b[:end:end])
	if batch.First() == 0 || uint64(batch.First())+uint64(batch.Count()) < uint64(batch.First()) {
		return nil, nil, fmt.Errorf("%w: first index %d with %d entries", ErrBatch, batch.First(), batch.Count())
	}
	if err := checkBody(batch.body(), batch.Count()); err != nil {
		return nil, nil, err
	}
	return batch, b[end:], nil
}

// BodyEntries yields the entries of a body that CheckBody has passed.
func BodyEntries(body []byte) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for rest := body; len(rest) > 0; {
			var e Entry
			if e, rest = cutEntry(rest); !yield(e) {
				return
			}
		}
	}
}

// CheckBody says whether body, as AppendEntry built it but without the room for a
// header, holds exactly count entries of which none is empty.
func CheckBody(body []byte, count int) error { return checkBody(body, count) }

func checkBody(body []byte, count int) error {
	if count == 0 {
		return fmt.Errorf("%w: no entry", ErrBatch)
	}
	found := 0
	for rest := body; len(rest) > 0; found++ {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length == 0 || length > uint64(len(rest)-n) {
			return fmt.Errorf("%w: entry %d of %d is cut off", ErrBatch, found+1, count)
		}
		if EntryKind(rest[n]) == KindMembership && count != 1 {
			return fmt.Errorf("%w: a membership among %d entries, it must be alone", ErrBatch, count)
		}
		rest = rest[n+int(length):]
	}
	if found != count {
		return fmt.Errorf("%w: %d entries where %d were announced", ErrBatch, found, count)
	}
	return nil
}

// A Span is what the algorithm knows of a batch: where it lies and how much it
// weighs, never its payload. A membership is the exception, because the algorithm
// acts on it as soon as it is in the log; it is alone in its span.
type Span struct {
	Term        Term
	First, Last Index
	Bytes       int
	Membership  *Membership
}

// End is the position of the span's last entry.
func (s Span) End() Pos { return Pos{s.Term, s.Last} }

// String prints a span as 3/17..20, and as 3/17 if it is one entry.
func (s Span) String() string {
	if s.First == s.Last {
		return s.End().String()
	}
	return fmt.Sprintf("%d/%d..%d", s.Term, s.First, s.Last)
}
