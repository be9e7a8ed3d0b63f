package kv

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// reapLimit is how many keys whose time is over one command removes. More wait for the
// next ones, and are not seen meanwhile; so a million that expire in one moment do not
// hold everything up.
const reapLimit = 1000

// reap removes what has expired at the command's time, before the command is carried
// out. The time is the entry's, so every member does it at the same index.
func (m *Machine) reap() {
	now := m.meta.now()
	if m.due > now {
		return
	}
	d := &m.draft
	d.begin()
	left := reapLimit
	for _, e := range m.overdue(now, left) {
		if e.lease == 0 {
			d.at(e.key) // which removes what is over
			left--
			continue
		}
		removed, all := d.removeAttached(e.lease, left)
		left -= removed
		if !all {
			break
		}
		d.leaseAt(e.lease).after = nil
	}
	d.commit()
	var err error
	m.due, err = m.findDue()
	m.must(err)
}

// overdue are the first keys and leases whose time is over.
func (m *Machine) overdue(now int64, limit int) (due []expiry) {
	it, err := m.batch.NewIter(&pebble.IterOptions{LowerBound: appendExpiry(m.due), UpperBound: appendExpiry(now + 1)})
	m.must(err)
	for ok := it.First(); ok && len(due) < limit; ok = it.Next() {
		e, err := cutExpiry(it.Key())
		m.must(err)
		due = append(due, e)
	}
	m.must(errors.Join(it.Error(), it.Close()))
	return due
}

// findDue is when the next key or lease expires. It looks from the last such moment on,
// so that it need not step over all that have gone.
func (m *Machine) findDue() (int64, error) {
	it, err := m.batch.NewIter(&pebble.IterOptions{LowerBound: appendExpiry(m.due), UpperBound: []byte{expiryTable + 1}})
	if err != nil {
		return 0, err
	}
	due := int64(never)
	if it.First() {
		var e expiry
		e, err = cutExpiry(it.Key())
		due = e.at
	}
	return due, errors.Join(err, it.Error(), it.Close())
}

func appendExpiry(at int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{expiryTable}, uint64(max(at, 0)))
}
