package http

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// shape is what an operation of a transaction takes and makes.
type shape struct {
	needs []string
	takes []string
	make  func(fields) kv.Op
}

// ranged are the fields of which a range is made: a prefix, or from and to.
var ranged = []string{"prefix", "from", "to"}

// shapes are all operations, by name. A field with 64 behind its name is the same, as
// base64.
var shapes = map[string]shape{
	"set": {
		[]string{"key"}, []string{"value", "ttl", "expires", "lease", "previous", "keys_only", "keep_ttl", "keep_lease", "keep_value"},
		func(f fields) kv.Op { return f.options(kv.Set(f.key, f.value)) },
	},
	"delete": {
		nil, append([]string{"key", "previous", "keys_only"}, ranged...),
		func(f fields) kv.Op {
			if f.has("key") {
				return f.options(kv.Delete(f.key))
			}
			return f.options(kv.DeleteRange(f.keys()))
		},
	},
	"get": {
		[]string{"key"}, []string{"keys_only"},
		func(f fields) kv.Op { return f.options(kv.Get(f.key)) },
	},
	"scan": {
		nil, append([]string{"limit", "keys_only"}, ranged...),
		func(f fields) kv.Op {
			o := kv.Scan(f.keys(), 0)
			o.Number = f.number
			return f.options(o)
		},
	},
	"add": {
		[]string{"key", "delta"}, nil,
		func(f fields) kv.Op { return kv.Add(f.key, f.number) },
	},
	"append": {
		[]string{"key", "value"}, nil,
		func(f fields) kv.Op { return kv.Append(f.key, f.value) },
	},
	"expire": {
		[]string{"key"}, []string{"ttl", "expires"},
		func(f fields) kv.Op { return f.options(kv.Persist(f.key)) },
	},
	"persist":    {[]string{"key"}, nil, func(f fields) kv.Op { return kv.Persist(f.key) }},
	"grant":      {[]string{"ttl"}, []string{"lease"}, func(f fields) kv.Op { return f.options(kv.Grant(f.ttl)) }},
	"keep-alive": {[]string{"lease"}, nil, func(f fields) kv.Op { return kv.KeepAlive(f.lease) }},
	"revoke":     {[]string{"lease"}, nil, func(f fields) kv.Op { return kv.Revoke(f.lease) }},
	"compact": {
		[]string{"revision"}, nil,
		func(f fields) kv.Op { return kv.Op{Kind: kv.OpCompact, Number: f.number} },
	},
}

// fields are what can be said of an operation.
type fields struct {
	given []string // by name, without 64

	op          string
	key, prefix string
	from, to    string
	value       []byte
	ttl         time.Duration
	expires     time.Time
	lease       kv.LeaseID
	number      int64 // delta, limit or revision
	previous    bool
	keysOnly    bool
	keepTTL     bool
	keepLease   bool
	keepValue   bool
}

func (f fields) has(name string) bool { return slices.Contains(f.given, name) }

// keys is the range that is meant. One without an end is all that follows.
func (f fields) keys() kv.Range {
	if f.has("prefix") {
		return kv.Prefix(f.prefix)
	}
	return kv.Range{From: f.from, To: f.to}
}

// options gives an operation what it shares with others.
func (f fields) options(o kv.Op) kv.Op {
	o.TTL, o.At, o.Lease = f.ttl, f.expires, f.lease
	o.Previous, o.KeysOnly = f.previous, f.keysOnly
	o.KeepTTL, o.KeepLease, o.KeepValue = f.keepTTL, f.keepLease, f.keepValue
	return o
}

// operationIn reads {"op":"set","key":"color","value":"red"}. Which fields there may be
// depends on op, which may come last.
func operationIn(d decoder) (kv.Op, error) {
	var f fields
	if err := d.object(func(name string) error { return f.read(d, name) }); err != nil {
		return kv.Op{}, err
	}
	s, known := shapes[f.op]
	if !known {
		return kv.Op{}, fmt.Errorf("there is no operation %q; there are %s", brief(f.op), strings.Join(slices.Sorted(maps.Keys(shapes)), ", "))
	}
	if err := f.fit(s); err != nil {
		return kv.Op{}, err
	}
	return s.make(f), nil
}

// fit refuses what would mean nothing, or two things.
func (f fields) fit(s shape) error {
	for _, name := range s.needs {
		if !f.has(name) {
			return fmt.Errorf("%s needs %s", f.op, name)
		}
	}
	for _, name := range f.given {
		if name != "op" && !slices.Contains(s.needs, name) && !slices.Contains(s.takes, name) {
			return fmt.Errorf("%s takes no %s", f.op, name)
		}
	}
	bounds := f.has("from") || f.has("to")
	switch {
	case f.op == "delete" && !f.has("key") && !f.has("prefix") && !bounds:
		return errors.New("delete needs a key, a prefix, or from and to")
	case f.op == "scan" && !f.has("prefix") && !bounds:
		return errors.New(`scan needs a prefix, or from and to; the prefix "" is all keys`)
	case f.has("prefix") && bounds || f.has("key") && (f.has("prefix") || bounds):
		return errors.New("key, prefix, and from with to exclude each other")
	case f.has("to") && !f.has("from"):
		return errors.New("to needs from")
	case f.has("ttl") && f.has("expires"):
		return errors.New("ttl and expires exclude each other")
	case f.op == "expire" && !f.has("ttl") && !f.has("expires"):
		return errors.New("expire needs ttl or expires; persist lets a key stay")
	case f.op == "set" && f.has("value") == f.keepValue:
		return errors.New("set needs either a value or keep_value")
	case f.keepTTL && (f.has("ttl") || f.has("expires")):
		return errors.New("keep_ttl leaves the time as it is; give no other")
	case f.keepLease && f.has("lease"):
		return errors.New("keep_lease leaves the lease as it is; give no other")
	case f.op != "set" && f.lease == kv.NewLease:
		return fmt.Errorf("%s takes the number of a lease; new is for set", f.op)
	}
	return nil
}

// read reads one field.
func (f *fields) read(d decoder, name string) (err error) {
	plain := strings.TrimSuffix(name, "64")
	if f.has(plain) {
		return fmt.Errorf("%s and %s64 exclude each other", brief(plain), brief(plain))
	}
	f.given = append(f.given, plain)
	switch name {
	case "op":
		f.op, err = d.text()
	case "key", "key64":
		f.key, err = d.keyIn(name)
	case "prefix", "prefix64":
		f.prefix, err = d.keyIn(name)
	case "from", "from64":
		f.from, err = d.keyIn(name)
	case "to", "to64":
		f.to, err = d.keyIn(name)
	case "value", "value64":
		f.value, err = d.bytesIn(name)
	case "ttl":
		f.ttl, err = d.ttl()
	case "expires":
		f.expires, err = d.moment()
	case "lease":
		f.lease, err = d.lease()
	case "delta":
		f.number, err = d.int()
	case "limit":
		f.number, err = d.within(1, kv.MaxRange)
	case "revision":
		f.number, err = d.within(1, 1<<63-1)
	case "previous":
		f.previous, err = d.bool()
	case "keys_only":
		f.keysOnly, err = d.bool()
	case "keep_ttl":
		f.keepTTL, err = d.bool()
	case "keep_lease":
		f.keepLease, err = d.bool()
	case "keep_value":
		f.keepValue, err = d.bool()
	default:
		err = errors.New("there is no such field")
	}
	return err
}

// bytesIn reads a field as text, or as base64 if its name ends so.
func (d decoder) bytesIn(name string) ([]byte, error) {
	if strings.HasSuffix(name, "64") {
		return d.base64()
	}
	text, err := d.text()
	return []byte(text), err
}

// keyIn reads a key, or what a range is made of.
func (d decoder) keyIn(name string) (string, error) {
	b, err := d.bytesIn(name)
	if err == nil && len(b) > kv.MaxKey {
		err = kv.CheckKey(string(b))
	}
	return string(b), err
}

func (d decoder) ttl() (time.Duration, error) {
	text, err := d.text()
	if err != nil {
		return 0, err
	}
	return ttlOf(text)
}

// moment reads a time of RFC 3339, with milliseconds at most.
func (d decoder) moment() (time.Time, error) {
	text, err := d.text()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time such as 2026-11-21T12:00:00Z", brief(text))
	}
	return t.UTC(), nil
}

// lease reads the number of a lease, or "new" for the one that the same transaction
// grants.
func (d decoder) lease() (kv.LeaseID, error) {
	raw, err := d.scalar()
	if err != nil {
		return 0, err
	}
	if string(raw) == `"new"` {
		return kv.NewLease, nil
	}
	again := newDecoder(strings.NewReader(string(raw)))
	id, err := again.uint()
	if err != nil || id == 0 || kv.LeaseID(id) == kv.NewLease {
		return 0, errors.New(`want the number of a lease, or "new" for the one that this transaction grants`)
	}
	return kv.LeaseID(id), nil
}

func (d decoder) within(least, most int64) (int64, error) {
	n, err := d.int()
	if err == nil && (n < least || n > most) {
		err = fmt.Errorf("want a number from %d to %d", least, most)
	}
	return n, err
}
