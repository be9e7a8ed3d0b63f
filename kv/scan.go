package kv

import (
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

func (d *draft) scanReply(o *Op) (reply Reply) {
	limit := MaxRange
	if o.Number > 0 {
		limit = int(min(o.Number, MaxRange))
	}
	more := d.scan(o.keys(), limit, func(key string, r *record) bool {
		if !d.reply(&reply, key, r, o.KeysOnly) {
			return false
		}
		reply.Number++
		return true
	})
	reply.Found, reply.More = reply.Number > 0, more
	return reply
}

// scan yields up to limit keys of a range with what they hold now, in order, until
// yield says no. It says whether there are more.
func (d *draft) scan(r Range, limit int, yield func(string, *record) bool) (more bool) {
	var own []*staged
	for i := range d.staged {
		if r.Contains(d.staged[i].key) {
			own = append(own, &d.staged[i])
		}
	}
	slices.SortFunc(own, func(a, b *staged) int { return strings.Compare(a.key, b.key) })
	it, err := d.m.batch.NewIter(keyBounds(r))
	d.m.must(err)
	defer func() { d.m.must(it.Close()) }()
	now := d.m.meta.now()
	for ok := it.First(); ok || len(own) > 0; {
		var key string
		var found *record
		switch {
		case !ok || len(own) > 0 && own[0].key <= string(it.Key()[1:]):
			key, found = own[0].key, own[0].after
			if ok && key == string(it.Key()[1:]) {
				ok = it.Next()
			}
			own = own[1:]
		default:
			key = string(it.Key()[1:])
			if found, err = decodeRecord(slices.Clone(it.Value())); err != nil {
				d.m.must(err)
			}
			if found.expired(now) {
				found = nil
			}
			ok = it.Next()
		}
		if found == nil {
			continue
		}
		if limit == 0 || !yield(key, found) {
			return true
		}
		limit--
	}
	d.m.must(it.Error())
	return false
}

// keyBounds are a range's in table k.
func keyBounds(r Range) *pebble.IterOptions {
	o := &pebble.IterOptions{LowerBound: appendKeyKey(nil, r.From), UpperBound: []byte{keyTable + 1}}
	if r.To != "" {
		o.UpperBound = appendKeyKey(nil, r.To)
	}
	return o
}
