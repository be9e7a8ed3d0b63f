package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// Before version 3 a change named the version that it had replaced, and what that was
// stood in a table of its own:
//
//	table  rest of the key                       value
//	h      u64 index, u32 number                 u8 1 if removed, uvarint version replaced,
//	                                             uvarint weight; the rest is the key
//	v      key, spelled so that it ends, u64     uvarint index at which it ended, record
//	       version
//
// In table v a key's zero bytes were followed by 0xff and its end was 0x00 0x01.
const pastTable byte = 'v'

// upgrade brings a store of an earlier version up to date, in one step that a crash
// leaves done or not done. Its history, 64 MiB at most, is in memory meanwhile.
func (m *Machine) upgrade(head *meta) (err error) {
	if head.version == metaWithoutDigest {
		if head.digest, err = m.countDigest(); err != nil {
			return err
		}
	}
	batch := m.db.NewBatch()
	defer batch.Close()
	if err := m.joinPast(batch, head.compacted); err != nil {
		return fmt.Errorf("bring the history from version %d up to date: %w", head.version, err)
	}
	head.version = metaVersion
	if err := errors.Join(batch.Set(metaKey, head.append(nil), nil), batch.Commit(pebble.NoSync)); err != nil {
		return fmt.Errorf("bring the store up to date: %w", err)
	}
	return nil
}

// joinPast writes each change with what it has replaced.
func (m *Machine) joinPast(batch *pebble.Batch, compacted balsa.Index) error {
	it, err := m.db.NewIter(historyBounds(compacted + 1))
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		c, err := m.joined(it.Value())
		if err != nil {
			return err
		}
		if err := batch.Set(it.Key(), c.append(nil), nil); err != nil {
			return err
		}
	}
	return errors.Join(it.Error(),
		batch.DeleteRange([]byte{historyTable}, appendHistoryKey(nil, compacted+1, 0), nil),
		batch.DeleteRange([]byte{pastTable}, []byte{pastTable + 1}, nil))
}

// joined is a change as it is now, of one as it was before version 3.
func (m *Machine) joined(earlier []byte) (c change, err error) {
	d := decoder{rest: earlier}
	c.removed = d.flags(2) == 1
	previous, _ := balsa.Index(d.uvarint()), d.uvarint()
	c.key, d.rest = string(d.rest), nil
	if err := d.damage("change"); err != nil || previous == 0 {
		return c, err
	}
	value, closer, err := m.db.Get(appendPastKey(nil, c.key, previous))
	if errors.Is(err, pebble.ErrNotFound) {
		return c, errMissingVersion(c.key, previous)
	}
	if err != nil {
		return c, err
	}
	d = decoder{rest: append([]byte(nil), value...)}
	d.uvarint()
	before := d.record()
	c.before = &before
	return c, errors.Join(d.damage("earlier record"), closer.Close())
}

func appendPastKey(b []byte, key string, version balsa.Index) []byte {
	b = append(b, pastTable)
	for i := range len(key) {
		b = append(b, key[i])
		if key[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return binary.BigEndian.AppendUint64(append(b, 0x00, 0x01), uint64(version))
}
