package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// digest is what the keys and leases that there are hash to: the sum, modulo 2^64, of a
// number for each. So a change costs what it changes, in whatever order the state came
// about; and to count all of it again, as a snapshot does on its way through the store,
// must give the same. It is kept in the meta, and goes with the data into a crash or a
// snapshot.
//
// The other tables follow from these two, or from the history, whose bounds and counts are
// in the meta.
type digest uint64

// add and sub take what is stored under a key of the store in or out.
func (d *digest) add(key, value []byte) { *d += digest(sumOf(key, value)) }
func (d *digest) sub(key, value []byte) { *d -= digest(sumOf(key, value)) }

// digested says whether a table is a part of the digest.
func digested(table byte) bool { return table == keyTable || table == leaseTable }

// sumOf is the number of one thing that is stored: XXH64 of the key's length, the key and
// the value.
func sumOf(key, value []byte) uint64 {
	var d xxhash.Digest
	var length [8]byte
	d.Reset()
	binary.LittleEndian.PutUint64(length[:], uint64(len(key)))
	// A Digest's writes never fail.
	d.Write(length[:])
	d.Write(key)
	d.Write(value)
	return d.Sum64()
}

// StateHash implements balsa.Hasher. It depends on all keys and leases, on how far the
// history reaches, and on the time. Programs that store the same state otherwise agree on
// it: it is that of the head as version 2 had it.
func (m *Machine) StateHash() uint64 {
	head := m.meta
	head.version = metaWithPastTable
	return xxhash.Sum64(head.append(nil))
}

// errDigest says that the store does not hold what was put into it.
func errDigest(found, kept digest) error {
	return fmt.Errorf("%w: its keys and leases hash to %016x, and what was applied to %016x", ErrDamaged, uint64(found), uint64(kept))
}

// countDigest walks over the store, which an earlier program has kept no digest of.
func (m *Machine) countDigest() (d digest, err error) {
	for _, table := range tables {
		if !digested(table) {
			continue
		}
		it, err := m.db.NewIter(tableBounds(table))
		if err != nil {
			return 0, err
		}
		for ok := it.First(); ok && err == nil; ok = it.Next() {
			var value []byte
			if value, err = it.ValueAndErr(); err == nil {
				d.add(it.Key(), value)
			}
		}
		if err := errors.Join(err, it.Error(), it.Close()); err != nil {
			return 0, fmt.Errorf("count what the store holds: %w", err)
		}
	}
	return d, nil
}
