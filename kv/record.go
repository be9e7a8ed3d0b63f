package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/balsaraft/balsa"
)

// Item is a key with its value, which must not be changed, and what is known of it.
type Item struct {
	Key     string
	Value   []byte
	Version balsa.Index // the log index of its last change
	Created balsa.Index // the log index at which it was made
	Changes uint64      // how often it has changed since, its making included
	Expires time.Time   // in replicated time; zero if it stays
	Lease   LeaseID     // with which it goes, 0 for none
}

// record is what is stored under a key. It is never changed, only replaced.
type record struct {
	version balsa.Index
	created balsa.Index
	changes uint64
	expires int64 // milliseconds since 1970, 0 for never
	lease   LeaseID
	value   []byte
}

// item is the record as users see it.
func (r *record) item(key string, keysOnly bool) Item {
	i := Item{Key: key, Version: r.version, Created: r.created, Changes: r.changes, Expires: moment(r.expires), Lease: r.lease}
	if !keysOnly {
		i.Value = r.value
	}
	return i
}

// kept is the record as users see it, with a value of its own.
func (r *record) kept(key string) Item {
	i := r.item(key, false)
	i.Value = bytes.Clone(i.Value)
	return i
}

// expired says whether the record's time is over at a moment of replicated time.
func (r *record) expired(now int64) bool { return r.expires != 0 && r.expires <= now }

// number is a field that a Condition can look at; of nothing it is 0.
func (r *record) number(of Field) uint64 {
	if r == nil {
		return 0
	}
	switch of {
	case VersionOf:
		return uint64(r.version)
	case CreationOf:
		return uint64(r.created)
	case ChangesOf:
		return r.changes
	}
	return uint64(r.lease)
}

// append encodes the record: uvarint version, creation, changes, expiry, lease; the rest
// is the value.
func (r *record) append(b []byte) []byte {
	for _, n := range [...]uint64{uint64(r.version), uint64(r.created), r.changes, uint64(r.expires), uint64(r.lease)} {
		b = binary.AppendUvarint(b, n)
	}
	return append(b, r.value...)
}

// decodeRecord reads a record that shares its value with b.
func decodeRecord(b []byte) (*record, error) {
	d := decoder{rest: b}
	r := d.record()
	return &r, d.damage("record")
}

func (d *decoder) record() (r record) {
	r.version, r.created, r.changes = balsa.Index(d.uvarint()), balsa.Index(d.uvarint()), d.uvarint()
	r.expires, r.lease = int64(d.uvarint()), LeaseID(d.uvarint())
	r.value, d.rest = d.rest, nil
	return r
}

// damage is the decoder's error about what this store has written itself.
func (d *decoder) damage(what string) error {
	if err := d.finish(); err != nil {
		return fmt.Errorf("%s in the store: %w: %w", what, ErrDamaged, err)
	}
	return nil
}

// change is an event of the history as it is stored.
type change struct {
	removed bool
	key     string
	before  *record // what it replaced or removed, nil for nothing
}

// weight is how many bytes the change counts for in the history's bound.
func (c change) weight() uint64 {
	const rest = 64
	n := uint64(2*len(c.key)) + rest
	if c.before != nil {
		n += uint64(len(c.before.value))
	}
	return n
}

// append encodes the change: u8 1 if removed, + 2 if there was something before, the key
// with its length, and the record that was there.
func (c change) append(b []byte) []byte {
	b = append(b, flag(c.removed, 1)|flag(c.before != nil, 2))
	b = appendBytes(b, c.key)
	if c.before != nil {
		b = c.before.append(b)
	}
	return b
}

// decodeChange reads a change whose record shares its value with b.
func decodeChange(b []byte) (c change, err error) {
	d := decoder{rest: b}
	flags := d.flags(4)
	c.removed, c.key = flags&1 != 0, string(d.bytes(MaxKey))
	if flags&2 != 0 {
		before := d.record()
		c.before = &before
	}
	return c, d.damage("change")
}

// lease is a lease as it is stored.
type lease struct {
	ttl     int64 // milliseconds
	expires int64 // milliseconds since 1970
}

func (l lease) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(l.ttl)), uint64(l.expires))
}

func decodeLease(b []byte) (l lease, err error) {
	d := decoder{rest: b}
	l.ttl, l.expires = int64(d.uvarint()), int64(d.uvarint())
	return l, d.damage("lease")
}

// meta is what the store knows of itself. It is written in the same batch as the data
// that it goes with.
type meta struct {
	applied   balsa.Index // the last command in the data
	time      int64       // its replicated time, nanoseconds since 1970
	revision  balsa.Index // the last command that changed a key
	compacted balsa.Index // the history begins after this index
	keys      uint64
	changes   uint64 // in the history
	weight    uint64 // of the history
	digest    digest
	version   uint8 // of what was decoded
}

// metaVersion is the first byte of an encoded meta, and the version of all that is
// stored with it. Before version 3 what a change replaced stood in a table of its own
// (upgrade.go). Version 1 had no digest, either.
const (
	metaVersion       = 3
	metaWithPastTable = 2
	metaWithoutDigest = 1
)

// append encodes the meta: u8 version, then seven uvarints and the u64 digest,
// little-endian. One that came without a digest goes as it came.
func (m meta) append(b []byte) []byte {
	b = append(b, m.version)
	for _, n := range [...]uint64{uint64(m.applied), uint64(m.time), uint64(m.revision), uint64(m.compacted), m.keys, m.changes, m.weight} {
		b = binary.AppendUvarint(b, n)
	}
	if m.version == metaWithoutDigest {
		return b
	}
	return binary.LittleEndian.AppendUint64(b, uint64(m.digest))
}

func decodeMeta(b []byte) (m meta, err error) {
	d := decoder{rest: b}
	m.version = d.byte()
	if d.err == nil && (m.version == 0 || m.version > metaVersion) {
		return m, fmt.Errorf("the store: %w: version %d, this program knows %d", balsa.ErrNewerVersion, m.version, metaVersion)
	}
	m.applied, m.time = balsa.Index(d.uvarint()), int64(d.uvarint())
	m.revision, m.compacted = balsa.Index(d.uvarint()), balsa.Index(d.uvarint())
	m.keys, m.changes, m.weight = d.uvarint(), d.uvarint(), d.uvarint()
	if m.version != metaWithoutDigest {
		m.digest = digest(d.u64())
	}
	return m, d.damage("head")
}

// now is the replicated time in milliseconds since 1970.
func (m meta) now() int64 { return m.time / int64(time.Millisecond) }
