package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// LeaseID names a lease, so far as it is not 0.
type LeaseID uint64

// NewLease stands, in an Op's Lease, for the lease that the same command grants. Its
// number is the log index of the command.
const NewLease LeaseID = math.MaxUint64

// OpKind says what an Op does.
type OpKind uint8

const (
	OpSet        OpKind = iota + 1 // give Key the Value
	OpDelete                       // remove Key, or all keys from Key to End
	OpGet                          // read Key
	OpScan                         // read the keys from Key to End
	OpAdd                          // add Number to Key's value, a decimal number
	OpAppend                       // append Value to Key's value
	OpExpire                       // change when Key expires
	OpGrant                        // make a lease
	OpKeepAlive                    // let a lease last its time again, from now on
	OpRevoke                       // end a lease, and remove its keys
	OpCompact                      // forget the history up to the revision Number
	endOfOpKinds                   // no operation
)

var opNames = [...]string{
	OpSet: "set", OpDelete: "delete", OpGet: "get", OpScan: "scan", OpAdd: "add", OpAppend: "append",
	OpExpire: "expire", OpGrant: "grant", OpKeepAlive: "keep-alive", OpRevoke: "revoke", OpCompact: "compact",
}

func (k OpKind) String() string {
	if k > 0 && k < endOfOpKinds {
		return opNames[k]
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Op is one operation of a Command. Make one with Set, Delete, Get and so on; fields
// that its kind does not name mean nothing to it.
type Op struct {
	Kind OpKind
	Key  string
	// End is the first key after a range that begins with Key, for OpDelete and OpScan.
	// "\x00" is no end. DeleteRange and Scan take care of it.
	End    string
	Value  []byte
	Number int64 // for OpAdd; the limit of OpScan, 0 for MaxRange; the revision of OpCompact
	// TTL, for OpSet, OpExpire and OpGrant, is counted in milliseconds from the
	// command's time on; At, which excludes it, is a moment. With neither, what is set
	// does not expire.
	TTL time.Duration
	At  time.Time
	// Lease takes the key along when it ends. 0 for none; NewLease for that of an OpGrant
	// before it. For OpGrant itself, it is the wanted number, 0 for the command's index.
	Lease LeaseID

	Previous  bool // reply with the item as it was before OpSet or OpDelete
	KeysOnly  bool // leave out values, for OpGet, OpScan and Previous
	KeepTTL   bool // OpSet leaves in place when the key expires
	KeepLease bool // OpSet leaves in place which lease the key has
	KeepValue bool // OpSet leaves the value as it is, and fails if there is none

	// Try makes a failure a matter of this operation alone: the reply has it, and the
	// rest of the command is done.
	Try bool
	// Only is when an operation on one key is done; else the reply says that it was
	// skipped, and what is there.
	Only Only
}

// Only is a condition of one operation. Those of a Command decide about all.
type Only uint8

const (
	OnlyAbsent   Only = iota + 1 // if the key has no value
	OnlyPresent                  // if it has one
	OnlyStaying                  // if it has one that does not expire
	OnlyExpiring                 // if it has one that does
	OnlyLater                    // if it has one that would then expire later
	OnlySooner                   // if it has one that would then expire sooner
	endOfOnly
)

// Set gives a key a value that stays.
func Set(key string, value []byte) Op { return Op{Kind: OpSet, Key: key, Value: value} }

// Delete removes a key, if it is there.
func Delete(key string) Op { return Op{Kind: OpDelete, Key: key} }

// DeleteRange removes up to MaxRange keys of a range.
func DeleteRange(r Range) Op { return Op{Kind: OpDelete, Key: r.From, End: r.end()} }

// Get reads a key.
func Get(key string) Op { return Op{Kind: OpGet, Key: key} }

// Scan reads up to limit keys of a range, 0 for MaxRange.
func Scan(r Range, limit int) Op {
	return Op{Kind: OpScan, Key: r.From, End: r.end(), Number: int64(limit)}
}

// Add adds to the decimal number that is a key's value; a key without a value counts as
// 0, and is made. The key keeps its time and lease.
func Add(key string, delta int64) Op { return Op{Kind: OpAdd, Key: key, Number: delta} }

// Append appends to a key's value; a key without one is made. The key keeps its time and
// lease.
func Append(key string, value []byte) Op { return Op{Kind: OpAppend, Key: key, Value: value} }

// Expire lets a key, if it is there, expire after ttl. It changes no version, and is no
// event for watches.
func Expire(key string, ttl time.Duration) Op { return Op{Kind: OpExpire, Key: key, TTL: ttl} }

// Persist lets a key stay.
func Persist(key string) Op { return Op{Kind: OpExpire, Key: key} }

// Grant makes a lease, which ends after ttl unless it is kept alive.
func Grant(ttl time.Duration) Op { return Op{Kind: OpGrant, TTL: ttl} }

// KeepAlive lets a lease last its time again.
func KeepAlive(id LeaseID) Op { return Op{Kind: OpKeepAlive, Lease: id} }

// Revoke ends a lease and removes its keys.
func Revoke(id LeaseID) Op { return Op{Kind: OpRevoke, Lease: id} }

// What an Op has, besides kind and key.
const (
	hasEnd = 1 << iota
	hasValue
	hasNumber
	hasTTL
	hasAt
	hasLease
	isPrevious
	isKeysOnly
	isKeepTTL
	isKeepLease
	isKeepValue
	isTry
	hasOnly
	endOfParts
)

func (o Op) parts() (parts uint64) {
	for i, present := range [...]bool{
		o.End != "", len(o.Value) > 0, o.Number != 0, o.TTL != 0, !o.At.IsZero(), o.Lease != 0,
		o.Previous, o.KeysOnly, o.KeepTTL, o.KeepLease, o.KeepValue, o.Try, o.Only != 0,
	} {
		if present {
			parts |= 1 << i
		}
	}
	return parts
}

// append encodes the operation.
//
//	size  field
//	1     kind
//	…     uvarint parts, a bit for each field that is not zero, in Op's order from End on
//	…     key: uvarint length, bytes
//	…     end, value: uvarint length, bytes; number: varint; TTL: uvarint milliseconds;
//	      at: varint milliseconds since 1970; lease: uvarint; only: u8  each if parts has it
func (o Op) append(b []byte) []byte {
	b = append(b, byte(o.Kind))
	parts := o.parts()
	b = binary.AppendUvarint(b, parts)
	b = appendBytes(b, o.Key)
	if parts&hasEnd != 0 {
		b = appendBytes(b, o.End)
	}
	if parts&hasValue != 0 {
		b = appendBytes(b, o.Value)
	}
	if parts&hasNumber != 0 {
		b = binary.AppendVarint(b, o.Number)
	}
	if parts&hasTTL != 0 {
		b = binary.AppendUvarint(b, uint64(o.TTL.Milliseconds()))
	}
	if parts&hasAt != 0 {
		b = binary.AppendVarint(b, o.At.UnixMilli())
	}
	if parts&hasLease != 0 {
		b = binary.AppendUvarint(b, uint64(o.Lease))
	}
	if parts&hasOnly != 0 {
		b = append(b, byte(o.Only))
	}
	return b
}

// op decodes what Op.append wrote. The value is a part of the input.
func (d *decoder) op() (o Op) {
	o.Kind = OpKind(d.byte())
	parts := d.uvarint()
	if parts >= endOfParts {
		d.fail(fmt.Errorf("an operation has parts %#x that this program does not know", parts))
	}
	o.Key = string(d.bytes(MaxKey))
	if parts&hasEnd != 0 {
		o.End = string(d.bytes(MaxKey))
	}
	if parts&hasValue != 0 {
		o.Value = d.bytes(MaxValue)
	}
	if parts&hasNumber != 0 {
		o.Number = d.varint()
	}
	if parts&hasTTL != 0 {
		o.TTL = d.ttl()
	}
	if parts&hasAt != 0 {
		o.At = time.UnixMilli(d.varint()).UTC()
	}
	if parts&hasLease != 0 {
		o.Lease = LeaseID(d.uvarint())
	}
	if parts&hasOnly != 0 {
		o.Only = Only(d.byte())
	}
	o.Try = parts&isTry != 0
	o.Previous, o.KeysOnly = parts&isPrevious != 0, parts&isKeysOnly != 0
	o.KeepTTL, o.KeepLease, o.KeepValue = parts&isKeepTTL != 0, parts&isKeepLease != 0, parts&isKeepValue != 0
	if d.err == nil && o.parts() != parts {
		d.fail(errors.New("an operation says that it has what is empty"))
	}
	return o
}

func (d *decoder) ttl() time.Duration {
	ms := d.uvarint()
	if ms > uint64(MaxTTL/time.Millisecond) {
		d.fail(fmt.Errorf("a time to live of %d ms, the limit is %s", ms, MaxTTL))
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// check says whether every member can carry the operation out.
func (o Op) check() error {
	if o.Kind == 0 || o.Kind >= endOfOpKinds {
		return fmt.Errorf("%w command: unknown %s", ErrMalformed, o.Kind)
	}
	ranged := o.End != "" && (o.Kind == OpDelete || o.Kind == OpScan) || o.Kind == OpScan
	keyless := ranged || o.Kind == OpGrant || o.Kind == OpKeepAlive || o.Kind == OpRevoke || o.Kind == OpCompact
	switch {
	case !keyless && CheckKey(o.Key) != nil:
		return CheckKey(o.Key)
	case len(o.Key) > MaxKey:
		return &LimitError{"key", len(o.Key), MaxKey}
	case len(o.End) > MaxKey:
		return &LimitError{"key", len(o.End), MaxKey}
	case o.TTL < 0 || o.TTL > MaxTTL || o.TTL%time.Millisecond != 0:
		return fmt.Errorf("%w command: a time to live of %s; it is whole milliseconds, and at most %s", ErrMalformed, o.TTL, MaxTTL)
	case o.TTL != 0 && !o.At.IsZero():
		return fmt.Errorf("%w command: a time to live and a moment; give one", ErrMalformed)
	case !o.At.IsZero() && !o.At.Equal(time.UnixMilli(o.At.UnixMilli())):
		return fmt.Errorf("%w command: the moment %s has more than milliseconds", ErrMalformed, o.At)
	case !o.At.IsZero() && (o.At.UnixMilli() <= 0 || o.At.UnixMilli() > maxMoment):
		return fmt.Errorf("%w command: the moment %s is not between 1970 and 9999", ErrMalformed, o.At)
	case o.Kind == OpGrant && o.TTL == 0:
		return fmt.Errorf("%w command: a lease needs a time to live", ErrMalformed)
	case o.Kind == OpGrant && o.Lease == NewLease, (o.Kind == OpKeepAlive || o.Kind == OpRevoke) && (o.Lease == 0 || o.Lease == NewLease):
		return fmt.Errorf("%w command: %s needs the number of a lease", ErrMalformed, o.Kind)
	case o.Only >= endOfOnly, o.Only != 0 && keyless:
		return fmt.Errorf("%w command: unknown condition %d of %s", ErrMalformed, o.Only, o.Kind)
	case o.Number < 0 && (o.Kind == OpScan || o.Kind == OpCompact):
		return fmt.Errorf("%w command: %s of %d", ErrMalformed, o.Kind, o.Number)
	}
	return CheckValue(o.Value)
}

// maxMoment is the end of the year 9999, in milliseconds since 1970.
const maxMoment = 253_402_300_799_999
