package kv

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/balsaraft/balsa"
)

// do carries out one operation in the draft. One that fails has changed nothing.
func (d *draft) do(o *Op) (Reply, Failure) {
	if o.Only != 0 {
		if r := d.get(o.Key); !d.fits(o, r) {
			reply := Reply{Found: r != nil, Skipped: true}
			if o.Previous {
				d.reply(&reply, o.Key, r, o.KeysOnly)
			}
			return reply, 0
		}
	}
	reply, failure := d.carryOut(o)
	if failure != 0 && o.Try {
		return Reply{Failure: failure}, 0
	}
	return reply, failure
}

// fits says whether an operation is to be done, as its Only says.
func (d *draft) fits(o *Op, r *record) bool {
	const end = math.MaxInt64 // when what stays expires
	is, would := int64(end), d.m.expires(o)
	if r != nil && r.expires != 0 {
		is = r.expires
	}
	if would == 0 {
		would = end
	}
	switch o.Only {
	case OnlyAbsent:
		return r == nil
	case OnlyPresent:
		return r != nil
	case OnlyStaying:
		return r != nil && is == end
	case OnlyExpiring:
		return r != nil && is != end
	case OnlyLater:
		return r != nil && would > is
	case OnlySooner:
		return r != nil && would < is
	}
	panic(fmt.Sprintf("kv: a condition that no check let pass: %d", o.Only))
}

func (d *draft) carryOut(o *Op) (Reply, Failure) {
	switch o.Kind {
	case OpSet:
		return d.set(o)
	case OpDelete:
		return d.delete(o), 0
	case OpGet:
		r := d.get(o.Key)
		reply := Reply{Found: r != nil}
		d.reply(&reply, o.Key, r, o.KeysOnly)
		return reply, 0
	case OpScan:
		return d.scanReply(o), 0
	case OpAdd:
		return d.sum(o)
	case OpAppend:
		return d.append(o)
	case OpExpire:
		return d.expire(o), 0
	case OpGrant:
		return d.grant(o)
	case OpKeepAlive:
		return d.keepAlive(o)
	case OpRevoke:
		return d.revoke(o)
	case OpCompact:
		return d.compactTo(o)
	}
	panic("kv: an operation that no check let pass: " + o.Kind.String())
}

// reply adds an item to what a result brings back, or says that it was left out.
func (d *draft) reply(reply *Reply, key string, r *record, keysOnly bool) (fits bool) {
	if r == nil {
		return true
	}
	size := maxItemHeader + len(key)
	if !keysOnly {
		size += len(r.value)
	}
	if d.replied+size > MaxReply {
		reply.Cut = true
		return false
	}
	d.replied += size
	reply.Items = append(reply.Items, r.item(key, keysOnly))
	return true
}

func (d *draft) set(o *Op) (reply Reply, failure Failure) {
	s := d.at(o.Key)
	reply.Found = s.after != nil
	if o.Previous {
		d.reply(&reply, o.Key, s.after, o.KeysOnly)
	}
	value, expires := o.Value, d.m.expires(o)
	id, failure := d.leaseOf(o)
	if failure != 0 {
		return reply, failure
	}
	if old := s.after; old != nil {
		if o.KeepTTL {
			expires = old.expires
		}
		if o.KeepLease {
			id = old.lease
		}
		if o.KeepValue {
			value = old.value
		}
	} else if o.KeepValue {
		return reply, ErrNoValue
	}
	d.put(s, value, expires, id)
	return reply, 0
}

func (d *draft) delete(o *Op) (reply Reply) {
	if o.End == "" {
		s := d.at(o.Key)
		reply.Found = s.after != nil
		if o.Previous {
			d.reply(&reply, o.Key, s.after, o.KeysOnly)
		}
		s.after = nil
		return reply
	}
	var keys []string
	reply.More = d.scan(o.keys(), MaxRange, func(key string, r *record) bool {
		if o.Previous {
			d.reply(&reply, key, r, o.KeysOnly)
		}
		keys = append(keys, key)
		return true
	})
	for _, key := range keys {
		d.at(key).after = nil
	}
	reply.Found, reply.Number = len(keys) > 0, int64(len(keys))
	return reply
}

func (d *draft) sum(o *Op) (reply Reply, failure Failure) {
	s := d.at(o.Key)
	var value, expires, id = int64(0), int64(0), LeaseID(0)
	if old := s.after; old != nil {
		number, err := strconv.ParseInt(string(old.value), 10, 64)
		// What would be written back otherwise than it was is no number of ours.
		if err != nil || strconv.FormatInt(number, 10) != string(old.value) {
			return reply, ErrNotNumber
		}
		reply.Found, value, expires, id = true, number, old.expires, old.lease
	}
	if o.Number > 0 && value > math.MaxInt64-o.Number || o.Number < 0 && value < math.MinInt64-o.Number {
		return reply, ErrOverflow
	}
	reply.Number = value + o.Number
	d.put(s, strconv.AppendInt(nil, reply.Number, 10), expires, id)
	return reply, 0
}

func (d *draft) append(o *Op) (reply Reply, failure Failure) {
	s := d.at(o.Key)
	var value []byte
	var expires, id = int64(0), LeaseID(0)
	if old := s.after; old != nil {
		reply.Found, value, expires, id = true, old.value, old.expires, old.lease
	}
	if len(value)+len(o.Value) > MaxValue {
		return reply, ErrTooLong
	}
	d.put(s, slices.Concat(value, o.Value), expires, id)
	reply.Number = int64(len(s.after.value))
	return reply, 0
}

func (d *draft) expire(o *Op) (reply Reply) {
	s := d.at(o.Key)
	if s.after == nil {
		return reply
	}
	changed := *s.after
	changed.expires = d.m.expires(o)
	s.after = &changed
	return Reply{Found: true}
}

func (d *draft) compactTo(o *Op) (reply Reply, failure Failure) {
	if balsa.Index(o.Number) > d.m.meta.applied {
		return reply, ErrFuture
	}
	d.compact = max(d.compact, balsa.Index(o.Number))
	return reply, 0
}
