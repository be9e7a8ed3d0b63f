package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// pin holds the store as it is at a moment. It is an iterator rather than a snapshot of
// Pebble's, because what replaces all keys at once reaches into snapshots.
type pin struct {
	m  *Machine
	mu sync.Mutex
	it *pebble.Iterator // nil once it was let go
}

func (m *Machine) pin() (*pin, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	it, err := m.db.NewIter(nil)
	if err != nil {
		return nil, m.unreadable(err)
	}
	p := &pin{m: m, it: it}
	m.pins[p] = true
	return p, nil
}

// use calls f unless the pin was let go, and tells damage from its errors.
func (p *pin) use(f func(*pebble.Iterator) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.it == nil {
		return ErrClosed
	}
	err := f(p.it)
	if pebble.IsCorruptionError(err) || errors.Is(err, ErrDamaged) {
		return p.m.unreadable(err)
	}
	return err
}

// with calls f with an iterator of its own over a part of the store.
func (p *pin) with(o *pebble.IterOptions, f func(*pebble.Iterator) error) error {
	return p.use(func(it *pebble.Iterator) error {
		part, err := it.Clone(pebble.CloneOptions{IterOptions: o})
		if err != nil {
			return err
		}
		return errors.Join(f(part), part.Error(), part.Close())
	})
}

// get calls found with the value of a key, if it is there.
func (p *pin) get(key []byte, found func([]byte) error) error {
	return p.use(func(it *pebble.Iterator) error {
		if !it.SeekGE(key) || !bytes.Equal(it.Key(), key) {
			return it.Error()
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		return found(value)
	})
}

// meta is the head, which a store has once a command was applied.
func (p *pin) meta() (head meta, err error) {
	head.version = metaVersion
	err = p.get(metaKey, func(value []byte) error {
		head, err = decodeMeta(value)
		return err
	})
	return head, err
}

// release lets the store change for good. The machine's lock may be held.
func (p *pin) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.it == nil {
		return nil
	}
	err := p.it.Close()
	p.it = nil
	return err
}

func (p *pin) close() error {
	err := p.release()
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	delete(p.m.pins, p)
	return err
}

// View is the store at one moment, for reads that take their time: commands go on
// beside it, and it does not see them. It has one user at a time, who closes it soon,
// since it keeps what is deleted meanwhile on the disk.
//
// Errors of its methods: ErrNotFound, *CompactedError, ErrClosed once the store or the
// view is closed, those of a store that cannot be read, and those of a limited view.
type View struct {
	pin  *pin
	head meta
	at   balsa.Index       // the revision that is read
	may  func(Range) error // nil if all may be seen
}

// Limited is the same view for somebody who may not see all: may says of a range why it
// must not be looked at, nil if it may be. Closing one closes both.
func (v *View) Limited(may func(Range) error) *View {
	limited := *v
	limited.may = may
	return &limited
}

// mayLook is the error of a limited view about a range that is beyond it.
func (v *View) mayLook(r Range) error {
	if v.may == nil {
		return nil
	}
	return v.may(r)
}

// View takes hold of the store as it is after a whole command.
func (m *Machine) View() (*View, error) {
	p, err := m.pin()
	if err != nil {
		return nil, err
	}
	head, err := p.meta()
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return &View{p, head, head.applied, nil}, nil
}

// Close lets the view go.
func (v *View) Close() error { return v.pin.close() }

// Applied is the index of the last command that the view sees.
func (v *View) Applied() balsa.Index { return v.head.applied }

// Revision is the index of the last command that changed a key.
func (v *View) Revision() balsa.Index { return v.head.revision }

// Compacted is the index up to which the history is forgotten: watches can begin after
// it, and reads go back to it.
func (v *View) Compacted() balsa.Index { return v.head.compacted }

// Time is the replicated time.
func (v *View) Time() time.Time { return time.Unix(0, v.head.time).UTC() }

// Len is the number of keys. Those that are due to expire count until they are gone. Of a
// limited view it is 0: Count tells of the parts that may be seen.
func (v *View) Len() int {
	if v.may != nil {
		return 0
	}
	return int(v.head.keys)
}

// CompactedError says that the past was forgotten that was asked for. It Is
// balsa.ErrCompacted. Read the state as it is, and go on from its revision.
type CompactedError struct {
	Asked     balsa.Index
	Compacted balsa.Index // the history begins after this index
}

func (e *CompactedError) Error() string {
	return fmt.Sprintf("the history at %d is compacted: it begins after %d; read the present state, and watch from its revision on", e.Asked, e.Compacted)
}

// Is makes a CompactedError a balsa.ErrCompacted.
func (e *CompactedError) Is(target error) bool { return target == balsa.ErrCompacted }

// ErrRevision says that a revision has not come yet on this member.
var ErrRevision = errors.New("the revision has not come yet")

// At is the same view of an earlier revision: what was there after the command at that
// index. Closing one closes both. Errors: *CompactedError, ErrRevision.
//
// Keys that were due to expire, and not gone yet, count as there in the past.
func (v *View) At(revision balsa.Index) (*View, error) {
	switch {
	case revision < v.head.compacted:
		return nil, &CompactedError{revision, v.head.compacted}
	case revision > v.head.applied:
		return nil, fmt.Errorf("%w: %d, the last command here is %d", ErrRevision, revision, v.head.applied)
	}
	earlier := *v
	earlier.at = revision
	return &earlier, nil
}

// visible says whether a record of table k is what the view shows.
func (v *View) visible(r *record) bool {
	return r.version <= v.at && (v.at < v.head.applied || !r.expired(v.head.now()))
}

// Get looks a key up.
func (v *View) Get(key string) (i Item, err error) {
	if err := v.mayLook(OneKey(key)); err != nil {
		return Item{}, err
	}
	if v.at == v.head.applied {
		return v.getPresent(key)
	}
	items, _, err := v.Scan(OneKey(key), ScanOptions{Limit: 1})
	if err == nil && len(items) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Item{}, err
	}
	return items[0], nil
}

// getPresent is Get without an iterator of its own, for who reads many keys.
func (v *View) getPresent(key string) (i Item, err error) {
	err = ErrNotFound
	failed := v.pin.get(appendKeyKey(nil, key), func(value []byte) error {
		found, failed := decodeRecord(slices.Clone(value))
		if failed == nil && v.visible(found) {
			i, err = found.item(key, false), nil
		}
		return failed
	})
	if failed != nil {
		return Item{}, failed
	}
	return i, err
}

// ScanOptions say what of a range is wanted.
type ScanOptions struct {
	Limit    int // 0 for all
	KeysOnly bool
	MaxBytes int // of keys and values, 0 for no bound; one item fits always
}

// Scan returns the keys of a range in order, and whether there are more. To go on, scan
// what is left of the range: from the last key and a zero byte, on any later view.
func (v *View) Scan(r Range, o ScanOptions) (items []Item, more bool, err error) {
	size := 0
	err = v.each(r, func(key string, found *record) bool {
		cost := len(key)
		if !o.KeysOnly {
			cost += len(found.value)
		}
		if o.Limit > 0 && len(items) == o.Limit || o.MaxBytes > 0 && len(items) > 0 && size+cost > o.MaxBytes {
			more = true
			return false
		}
		size += cost
		kept := *found
		kept.value = nil
		if !o.KeysOnly {
			kept.value = slices.Clone(found.value)
		}
		items = append(items, kept.item(key, o.KeysOnly))
		return true
	})
	return items, more, err
}

// Count is the number of keys of a range.
func (v *View) Count(r Range) (n int, err error) {
	err = v.each(r, func(string, *record) bool { n++; return true })
	return n, err
}

// each yields the keys of a range in order, until yield says no. The record is yield's
// only while it runs.
func (v *View) each(r Range, yield func(string, *record) bool) error {
	if err := v.mayLook(r); err != nil {
		return err
	}
	if v.at < v.head.applied {
		return v.eachAt(r, yield)
	}
	return v.pin.with(keyBounds(r), func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return err
			}
			found, err := decodeRecord(value)
			if err != nil {
				return err
			}
			if v.visible(found) && !yield(string(it.Key()[1:]), found) {
				return nil
			}
		}
		return nil
	})
}

// Lease is a lease as a View sees it.
type Lease struct {
	ID      LeaseID
	TTL     time.Duration // what it was granted for
	Expires time.Time     // in replicated time
}

// Lease looks a lease up. Leases are of no key, so that a limited view has none.
func (v *View) Lease(id LeaseID) (found Lease, err error) {
	if err := v.mayLook(Range{}); err != nil {
		return Lease{}, err
	}
	err = ErrNotFound
	failed := v.pin.get(appendLeaseKey(nil, id), func(value []byte) error {
		l, err := decodeLease(value)
		found = l.public(id)
		return err
	})
	if failed != nil {
		return Lease{}, failed
	}
	if found.ID != 0 {
		err = nil
	}
	return found, err
}

func (l lease) public(id LeaseID) Lease {
	return Lease{id, time.Duration(l.ttl) * time.Millisecond, moment(l.expires)}
}

// Leases are all leases, in the order of their numbers.
func (v *View) Leases() (all []Lease, err error) {
	if err := v.mayLook(Range{}); err != nil {
		return nil, err
	}
	err = v.pin.with(tableBounds(leaseTable), func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			l, err := decodeLease(it.Value())
			if err != nil {
				return err
			}
			all = append(all, l.public(LeaseID(binary.BigEndian.Uint64(it.Key()[1:]))))
		}
		return nil
	})
	return all, err
}

// LeaseKeys are the keys that go with a lease, in order.
func (v *View) LeaseKeys(id LeaseID) (keys []string, err error) {
	if err := v.mayLook(Range{}); err != nil {
		return nil, err
	}
	prefix := appendAttachKey(nil, id, "")
	bounds := &pebble.IterOptions{LowerBound: prefix, UpperBound: appendAttachKey(nil, id+1, "")}
	err = v.pin.with(bounds, func(it *pebble.Iterator) error {
		for ok := it.First(); ok; ok = it.Next() {
			keys = append(keys, string(it.Key()[len(prefix):]))
		}
		return nil
	})
	return keys, err
}

func tableBounds(table byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: []byte{table}, UpperBound: []byte{table + 1}}
}
