package kv

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// draft is what one command has changed so far. It goes into the batch as a whole, or
// nowhere. Reads of a command look into its draft first, then into the batch, then into
// the store.
type draft struct {
	m       *Machine
	staged  []staged
	places  map[string]int // in staged, once there are many
	leases  []stagedLease
	granted LeaseID // what NewLease stands for
	compact balsa.Index
	replied int // bytes that the replies hold
}

// staged is a key as it was before the command and is now.
type staged struct {
	key           string
	before, after *record // nil for none
}

type stagedLease struct {
	id            LeaseID
	before, after *lease
}

// many is how many keys are searched one by one.
const many = 16

func (d *draft) begin() {
	clear(d.staged)
	d.staged, d.leases, d.granted, d.compact, d.replied = d.staged[:0], d.leases[:0], 0, 0, 0
	d.places = nil
}

func (d *draft) find(key string) *staged {
	if d.places != nil {
		if i, ok := d.places[key]; ok {
			return &d.staged[i]
		}
		return nil
	}
	for i := range d.staged {
		if d.staged[i].key == key {
			return &d.staged[i]
		}
	}
	return nil
}

func (d *draft) add(s staged) *staged {
	d.staged = append(d.staged, s)
	if d.places != nil {
		d.places[s.key] = len(d.staged) - 1
	} else if len(d.staged) > many {
		d.places = make(map[string]int, 4*many)
		for i := range d.staged {
			d.places[d.staged[i].key] = i
		}
	}
	return &d.staged[len(d.staged)-1]
}

// at is the key's place in the draft, filled from the store. A key whose time is over
// is removed by whoever meets it first.
func (d *draft) at(key string) *staged {
	if s := d.find(key); s != nil {
		return s
	}
	r := d.m.read(key)
	return d.addRead(key, r)
}

func (d *draft) addRead(key string, r *record) *staged {
	if r != nil && r.expired(d.m.meta.now()) {
		return d.add(staged{key, r, nil})
	}
	return d.add(staged{key, r, r})
}

func (d *draft) get(key string) *record { return d.at(key).after }

// read looks a key up among the recent ones, in the batch and in the store.
func (m *Machine) read(key string) *record {
	if value, known := m.recent.get(key); known {
		return m.recordOf(value)
	}
	m.scratch = appendKeyKey(m.scratch[:0], key)
	value, closer, err := m.batch.Get(m.scratch)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil // whoever looks for it is about to make it, most of the time
	}
	m.must(err)
	m.recent.put(key, value)
	r := m.recordOf(value)
	m.must(closer.Close())
	return r
}

// recordOf decodes a record, which shares no memory with b; without bytes it is nil.
func (m *Machine) recordOf(b []byte) *record {
	if b == nil {
		return nil
	}
	r, err := decodeRecord(slices.Clone(b))
	m.must(err)
	return r
}

// put gives a key a value as of this command. Reads of it share the value.
func (d *draft) put(s *staged, value []byte, expires int64, lease LeaseID) {
	index := d.m.meta.applied
	r := &record{version: index, created: index, changes: 1, expires: expires, lease: lease, value: value}
	if old := s.after; old != nil {
		r.created, r.changes = old.created, old.changes
		if old.version != index {
			r.changes++
		}
	}
	s.after = r
}

// commit writes the draft into the batch.
func (d *draft) commit() {
	for i := range d.staged {
		d.m.write(&d.staged[i])
	}
	for i := range d.leases {
		d.m.writeLease(&d.leases[i])
	}
	d.m.trail.wanted = max(d.m.trail.wanted, d.compact)
}
