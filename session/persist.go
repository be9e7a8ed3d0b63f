package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// ErrTable is under every error about the form of an encoded table.
var ErrTable = errors.New("malformed session table")

// tableVersion is the first byte of an encoded table.
const tableVersion = 2

// Append adds the encoded table to b; encode adds one result. Sessions are ordered by
// ID and results by number, so that equal tables have equal bytes.
//
//	u8       version, 2
//	u64      when a session last went before it had expired, ns of replicated time
//	uvarint  number of sessions, each
//	  u64      session
//	  uvarint  time to live, ns
//	  u64      last use, ns of replicated time
//	  uvarint  lowest unanswered number
//	  uvarint  number of results, each
//	    uvarint  the command's number
//	    u8       1 if the result is lost
//	    uvarint  length of the result, then its bytes
func (t *Table[R]) Append(b []byte, encode func([]byte, R) ([]byte, error)) ([]byte, error) {
	b = append(b, tableVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.cutShort))
	b = binary.AppendUvarint(b, uint64(len(t.sessions)))
	for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
		s := t.sessions[id]
		b = binary.LittleEndian.AppendUint64(b, uint64(id))
		b = binary.AppendUvarint(b, uint64(s.ttl))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.lastUsed))
		b = binary.AppendUvarint(b, s.low)
		kept := s.inOrder()
		b = binary.AppendUvarint(b, uint64(len(kept)))
		for _, slot := range kept {
			var err error
			if b, err = appendSlot(b, slot, encode); err != nil {
				return nil, fmt.Errorf("encode the result of command %d of session %s: %w", slot.seq, id, err)
			}
		}
	}
	return b, nil
}

func appendSlot[R any](b []byte, s slot[R], encode func([]byte, R) ([]byte, error)) ([]byte, error) {
	b = binary.AppendUvarint(b, s.seq)
	if s.lost {
		return append(b, 1, 0), nil
	}
	b = append(b, 0)
	result, err := encode(nil, s.result)
	if err != nil {
		return nil, err
	}
	b = binary.AppendUvarint(b, uint64(len(result)))
	return append(b, result...), nil
}

func (s *record[R]) inOrder() []slot[R] {
	var seqs []uint64
	for _, slot := range s.slots {
		if slot.seq != 0 {
			seqs = append(seqs, slot.seq)
		}
	}
	// Numbers are sorted in place of what they number: one sort serves all types of
	// results, and a browser loads it once.
	slices.Sort(seqs)
	kept := make([]slot[R], len(seqs))
	for i, seq := range seqs {
		kept[i] = s.slots[seq%uint64(len(s.slots))]
	}
	return kept
}

// Decode replaces the table by one that Append wrote; decode reads one result, whose
// bytes it must not keep. After an error the table is as before.
func (t *Table[R]) Decode(b []byte, decode func([]byte) (R, error)) error {
	r := reader{rest: b}
	if v := r.byte(); v != tableVersion && r.err == nil {
		return fmt.Errorf("%w: version %d, this program knows %d", ErrTable, v, tableVersion)
	}
	cutShort := int64(r.u64())
	sessions := map[ID]*record[R]{}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		id := ID(r.u64())
		s := &record[R]{ttl: time.Duration(r.uvarint()), lastUsed: int64(r.u64()), low: r.uvarint()}
		for k := r.uvarint(); k > 0 && r.err == nil; k-- {
			if err := readSlot(&r, s, decode); err != nil {
				return fmt.Errorf("%w: session %s: %w", ErrTable, id, err)
			}
		}
		sessions[id] = s
	}
	if r.err != nil || len(r.rest) > 0 {
		return fmt.Errorf("%w: %d bytes, %d of them not understood", ErrTable, len(b), len(r.rest))
	}
	t.sessions, t.cutShort = sessions, cutShort
	return nil
}

func readSlot[R any](r *reader, s *record[R], decode func([]byte) (R, error)) error {
	read := slot[R]{seq: r.uvarint(), lost: r.byte() == 1}
	data := r.take(r.uvarint())
	if r.err != nil {
		return r.err
	}
	if read.seq < s.low || read.seq-s.low >= MaxWindow {
		return fmt.Errorf("command %d is out of the window from %d", read.seq, s.low)
	}
	if !read.lost {
		var err error
		if read.result, err = decode(data); err != nil {
			return fmt.Errorf("result of command %d: %w", read.seq, err)
		}
	}
	s.put(read)
	return nil
}

// reader takes fields off rest and yields zeros after the first error.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.rest)) {
		r.err = ErrTable
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.err != nil || n <= 0 {
		r.err = ErrTable
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
