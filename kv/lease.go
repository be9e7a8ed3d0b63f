package kv

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// leaseAt is a lease's place in the draft, filled from the store.
func (d *draft) leaseAt(id LeaseID) *stagedLease {
	for i := range d.leases {
		if d.leases[i].id == id {
			return &d.leases[i]
		}
	}
	l := d.m.readLease(id)
	d.leases = append(d.leases, stagedLease{id, l, l})
	return &d.leases[len(d.leases)-1]
}

func (m *Machine) readLease(id LeaseID) *lease {
	m.scratch = appendLeaseKey(m.scratch[:0], id)
	value, closer, err := m.batch.Get(m.scratch)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	m.must(err)
	l, err := decodeLease(value)
	m.must(err)
	m.must(closer.Close())
	return &l
}

// alive says whether keys may still be given to the lease.
func (s *stagedLease) alive(now int64) bool { return s.after != nil && s.after.expires > now }

// leaseOf is the lease that an operation gives its key to.
func (d *draft) leaseOf(o *Op) (LeaseID, Failure) {
	id := o.Lease
	if id == NewLease {
		id = d.granted
		if id == 0 {
			return 0, ErrNoLease
		}
	}
	if id != 0 && !d.leaseAt(id).alive(d.m.meta.now()) {
		return 0, ErrNoLease
	}
	return id, 0
}

func (d *draft) grant(o *Op) (reply Reply, failure Failure) {
	id := o.Lease
	if id == 0 {
		id = LeaseID(d.m.meta.applied)
	}
	s := d.leaseAt(id)
	if s.after != nil {
		return reply, ErrLeaseExists
	}
	ttl := o.TTL.Milliseconds()
	s.after = &lease{ttl, d.m.meta.now() + ttl}
	d.granted = id
	return Reply{Found: true, Number: int64(id)}, 0
}

func (d *draft) keepAlive(o *Op) (reply Reply, failure Failure) {
	s := d.leaseAt(o.Lease)
	if !s.alive(d.m.meta.now()) {
		return reply, 0
	}
	s.after = &lease{s.after.ttl, d.m.meta.now() + s.after.ttl}
	return Reply{Found: true, Number: s.after.expires}, 0
}

func (d *draft) revoke(o *Op) (reply Reply, failure Failure) {
	s := d.leaseAt(o.Lease)
	if s.after == nil {
		return reply, 0
	}
	removed, all := d.removeAttached(o.Lease, MaxRange)
	s.after = nil
	if !all {
		// The rest goes as that of a lease whose time is over, some with each command.
		s.after = &lease{s.before.ttl, d.m.meta.now()}
		if s.before == nil {
			s.after.ttl = 0
		}
	}
	return Reply{Found: true, Number: int64(removed)}, 0
}

// removeAttached removes up to limit keys that go with a lease, and says whether that
// were all.
func (d *draft) removeAttached(id LeaseID, limit int) (removed int, all bool) {
	for i := range d.staged {
		if s := &d.staged[i]; s.after != nil && s.after.lease == id {
			s.after = nil
			removed++
		}
	}
	prefix := appendAttachKey(nil, id, "")
	it, err := d.m.batch.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: appendAttachKey(nil, id+1, "")})
	d.m.must(err)
	var keys []string
	all = true
	for ok := it.First(); ok; ok = it.Next() {
		if len(keys) == limit {
			all = false
			break
		}
		keys = append(keys, string(it.Key()[len(prefix):]))
	}
	d.m.must(errors.Join(it.Error(), it.Close()))
	for _, key := range keys {
		if s := d.at(key); s.after != nil && s.after.lease == id {
			s.after = nil
			removed++
		}
	}
	return removed, all
}

func (m *Machine) writeLease(s *stagedLease) {
	if s.before == s.after {
		return
	}
	m.scratch = appendLeaseKey(m.scratch[:0], s.id)
	if s.before != nil {
		m.meta.digest.sub(m.scratch, s.before.append(nil))
		m.scratch = appendLeaseExpiry(m.scratch[:0], s.before.expires, s.id)
		m.remove(m.scratch)
	}
	m.scratch = appendLeaseKey(m.scratch[:0], s.id)
	if s.after == nil {
		m.remove(m.scratch)
		return
	}
	value := s.after.append(nil)
	m.meta.digest.add(m.scratch, value)
	m.set(m.scratch, value)
	m.scratch = appendLeaseExpiry(m.scratch[:0], s.after.expires, s.id)
	m.set(m.scratch, nil)
	m.due = min(m.due, s.after.expires)
}
