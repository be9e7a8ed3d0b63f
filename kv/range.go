package kv

// Range is the keys from From up to, and without, To; without a To, all from From on.
// The zero Range is all keys.
type Range struct{ From, To string }

// Prefix is the range of keys that begin so.
func Prefix(prefix string) Range { return Range{prefix, PrefixEnd(prefix)} }

// OneKey is the range of one key.
func OneKey(key string) Range { return Range{key, key + "\x00"} }

// PrefixEnd is the first key after all that begin with a prefix, "" if there is none.
func PrefixEnd(prefix string) string {
	end := []byte(prefix)
	for len(end) > 0 {
		if last := len(end) - 1; end[last] < 0xff {
			end[last]++
			return string(end)
		}
		end = end[:len(end)-1]
	}
	return ""
}

// Contains says whether the range has the key.
func (r Range) Contains(key string) bool { return key >= r.From && (r.To == "" || key < r.To) }

// allKeys, as an Op's End, is no end: an empty End is one key. As an end it would be
// that of no key, since none is less.
const allKeys = "\x00"

// end is the range's end as an Op has it, where "" would mean a single key.
func (r Range) end() string {
	if r.To == "" {
		return allKeys
	}
	return r.To
}

// keys is the range of an operation on one.
func (o Op) keys() Range {
	if o.End == allKeys || o.End == "" {
		return Range{From: o.Key}
	}
	return Range{o.Key, o.End}
}

// Range is all the keys that the operation is about: one, or for OpScan, and for OpDelete
// with an End, a range. Operations on leases, and OpCompact, are about none of it.
func (o Op) Range() Range {
	if o.Kind == OpScan || o.Kind == OpDelete && o.End != "" {
		return o.keys()
	}
	return OneKey(o.Key)
}
