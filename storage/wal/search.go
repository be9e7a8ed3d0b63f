package wal

import (
	"encoding/binary"

	"github.com/balsaraft/balsa/wire"
)

// leftover is what a segment holds after the place where its records end.
type leftover struct {
	end     int64      // of the last record that verifies; 0 if there is none
	durable bool       // one of them proves that what should stand there was durable
	first   wire.Index // first entry of the first batch that proves it; 0 if none does
}

// search looks for records after the place where they end, to tell a torn flush from
// damage. Flushes follow one on another: one begins once the one before is durable. So
// a record whose flush began after that place proves that what should stand there had
// been synced; a record of the flush that was to write that very place proves nothing,
// because a disk may keep any part of a write that was not synced.
func (r *recordReader) search(end int64) (leftover, error) {
	var found leftover
	for at := end; at+recordHeaderSize <= r.size; {
		header, err := r.bytes(at, recordHeaderSize)
		if err != nil {
			return leftover{}, err
		}
		if kind := recordKind(header[16]); kind < kindHardState || kind > kindSeal {
			at += recordAlign // the most frequent case, without a call
			continue
		}
		rec, ok, err := r.record(at)
		if err != nil {
			return leftover{}, err
		}
		if !ok {
			at += recordAlign
			continue
		}
		at += rec.size
		found.end = at
		if rec.flush > end {
			found.prove(rec)
		}
	}
	return found, nil
}

func (l *leftover) prove(rec record) {
	l.durable = true
	if l.first == 0 && rec.kind == kindBatch && len(rec.payload) >= wire.BatchHeaderSize {
		l.first = wire.Index(binary.LittleEndian.Uint64(rec.payload[16:]))
	}
}
