package kv

import (
	"encoding/binary"
	"hash/maphash"
)

// recent holds the records of keys that were read or changed lately, as the batch and the
// store together have them: a command that changes such a key again need not look for it
// in all the places where the store may have it. It belongs to who applies, and a member
// with another one, or none, comes to the same state.
//
// It is a ring of bytes: what comes in takes the place of the oldest, and the collector
// finds no pointers in it. An entry begins at a multiple of 8 and does not go round the
// ring's end:
//
//	size  field
//	4     length of the key; 0 where the rest of the ring is left out
//	4     length of the record; 0 for a key that is not there, or where the rest is left out
//	…     key, record
type recent struct {
	limit    uint64
	ring     []byte // grows up to the limit
	from, to uint64 // what it holds, counted in bytes that ever came in
	places   map[uint64]uint64
	seed     maphash.Seed
}

const recentHead = 8

// newRecent makes one that takes about limit bytes, and a third of it more to find them.
func newRecent(limit int) recent {
	return recent{limit: uint64(limit) &^ 7, places: map[uint64]uint64{}, seed: maphash.MakeSeed()}
}

// clear forgets everything.
func (r *recent) clear() {
	clear(r.places)
	r.from, r.to = 0, 0
}

// get is what is known of a key: its record, nil if it is not there. The record is valid
// until the next put.
func (r *recent) get(key string) (record []byte, known bool) {
	place, ok := r.places[maphash.String(r.seed, key)]
	if !ok {
		return nil, false
	}
	has, record := r.entry(place)
	if string(has) != key {
		return nil, false // another key with the same hash
	}
	if len(record) == 0 {
		record = nil
	}
	return record, true
}

// put takes a copy of a key's record; none says that the key is not there.
func (r *recent) put(key string, record []byte) {
	hash := maphash.String(r.seed, key)
	if place, ok := r.places[hash]; ok {
		if has, old := r.entry(place); string(has) == key && len(old) == len(record) {
			copy(old, record)
			return
		}
		delete(r.places, hash)
	}
	size := (recentHead + uint64(len(key)+len(record)) + 7) &^ 7
	if size > r.limit/8 {
		return // too many others would have to go
	}
	place := r.room(size)
	b := r.at(place, size)
	binary.LittleEndian.PutUint32(b, uint32(len(key)))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(record)))
	copy(b[recentHead+copy(b[recentHead:], key):], record)
	r.places[hash] = place
}

// room makes room behind the last entry.
func (r *recent) room(size uint64) (place uint64) {
	if left := r.limit - r.to%r.limit; left < size {
		r.makeWay(left)
		clear(r.at(r.to, recentHead))
		r.to += left
	}
	r.makeWay(size)
	place = r.to
	r.to += size
	return place
}

// makeWay lets the oldest go until so many bytes are free.
func (r *recent) makeWay(size uint64) {
	// The room does not go round the ring's end.
	if end := r.to%r.limit + size; uint64(len(r.ring)) < end {
		r.ring = append(r.ring, make([]byte, end-uint64(len(r.ring)))...)
	}
	for r.to+size-r.from > r.limit {
		key, record := r.entry(r.from)
		if len(key) == 0 {
			r.from += r.limit - r.from%r.limit
			continue
		}
		if hash := maphash.Bytes(r.seed, key); r.places[hash] == r.from {
			delete(r.places, hash)
		}
		r.from += (recentHead + uint64(len(key)+len(record)) + 7) &^ 7
	}
}

func (r *recent) entry(place uint64) (key, record []byte) {
	head := r.at(place, recentHead)
	k, v := uint64(binary.LittleEndian.Uint32(head)), uint64(binary.LittleEndian.Uint32(head[4:]))
	b := r.at(place, recentHead+k+v)[recentHead:]
	return b[:k:k], b[k:]
}

// at are bytes of the ring.
func (r *recent) at(place, size uint64) []byte {
	begin := place % r.limit
	return r.ring[begin : begin+size : begin+size]
}
