package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// The tables, all in one Pebble store. The first byte of a key says which:
//
//	table  rest of the key                       value
//	0x01                                         meta
//	a      u64 lease, key                        empty: the key goes with the lease
//	h      u64 index, u32 number                 change: the history, in order
//	k      key                                   record: what is there now
//	l      u64 lease                             lease
//	x      u64 milliseconds, 'k', key            empty: when keys and leases expire
//	       u64 milliseconds, 'l', u64 lease
//
// Integers in keys are big-endian, so that they sort.
//
// A record moves from k into the change that replaces or removes it. So to keep the past
// costs one row that is written at the end of its table, and to forget it nothing but a
// range: writing is what the store does most. Who reads the past pays for it, and undoes
// the changes since then (undo.go).
const (
	metaTable    byte = 0x01
	attachTable  byte = 'a'
	historyTable byte = 'h'
	keyTable     byte = 'k'
	leaseTable   byte = 'l'
	expiryTable  byte = 'x'
)

// tables are all of them, in their order.
var tables = [...]byte{metaTable, attachTable, historyTable, keyTable, leaseTable, expiryTable}

// maxStoredKey and maxStoredValue bound what a snapshot can say.
const (
	maxStoredKey   = 2*MaxKey + 32
	maxStoredValue = MaxKey + MaxValue + 8*binary.MaxVarintLen64
)

// ErrDamaged says that the store does not hold what was written to it. What it held can
// be had again from the log and its snapshots.
var ErrDamaged = balsa.ErrDamaged

var metaKey = []byte{metaTable}

// The functions below append a key to b.

func appendKeyKey(b []byte, key string) []byte { return append(append(b, keyTable), key...) }

func appendLeaseKey(b []byte, id LeaseID) []byte {
	return binary.BigEndian.AppendUint64(append(b, leaseTable), uint64(id))
}

func appendAttachKey(b []byte, id LeaseID, key string) []byte {
	return append(binary.BigEndian.AppendUint64(append(b, attachTable), uint64(id)), key...)
}

func appendHistoryKey(b []byte, index balsa.Index, n uint32) []byte {
	b = binary.BigEndian.AppendUint64(append(b, historyTable), uint64(index))
	return binary.BigEndian.AppendUint32(b, n)
}

var errStoredKey = errors.New("a key that no table has")

func appendKeyExpiry(b []byte, at int64, key string) []byte {
	return append(append(binary.BigEndian.AppendUint64(append(b, expiryTable), uint64(at)), keyTable), key...)
}

func appendLeaseExpiry(b []byte, at int64, id LeaseID) []byte {
	b = append(binary.BigEndian.AppendUint64(append(b, expiryTable), uint64(at)), leaseTable)
	return binary.BigEndian.AppendUint64(b, uint64(id))
}

// expiry is a key of table x, taken apart.
type expiry struct {
	at    int64
	key   string  // or
	lease LeaseID // if it is not 0
}

func cutExpiry(b []byte) (e expiry, err error) {
	const head = 1 + 8 + 1
	if len(b) < head {
		return e, fmt.Errorf("key %x in the store: %w: %w", b, ErrDamaged, errStoredKey)
	}
	e.at = int64(binary.BigEndian.Uint64(b[1:]))
	switch rest := b[head:]; {
	case b[head-1] == keyTable:
		e.key = string(rest)
	case b[head-1] == leaseTable && len(rest) == 8:
		e.lease = LeaseID(binary.BigEndian.Uint64(rest))
	default:
		return e, fmt.Errorf("key %x in the store: %w: %w", b, ErrDamaged, errStoredKey)
	}
	return e, nil
}

// historyBounds are those of the history from an index on.
func historyBounds(from balsa.Index) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: appendHistoryKey(nil, from, 0), UpperBound: []byte{historyTable + 1}}
}

// cutHistoryKey takes a key of table h apart.
func cutHistoryKey(b []byte) (index balsa.Index, n uint32, err error) {
	if len(b) != 1+8+4 {
		return 0, 0, fmt.Errorf("key %x in the store: %w: %w", b, ErrDamaged, errStoredKey)
	}
	return balsa.Index(binary.BigEndian.Uint64(b[1:])), binary.BigEndian.Uint32(b[9:]), nil
}

func errMissingChange(at placeInHistory) error {
	return fmt.Errorf("change %d of index %d: %w: the history should have it, and it is not there", at.n, at.index, ErrDamaged)
}

func errMissingVersion(key string, version balsa.Index) error {
	return fmt.Errorf("version %d of key %q: %w: the history speaks of it, and it is not there", version, key, ErrDamaged)
}
