package wal

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// FuzzOpen writes over parts of a good log. Whatever stands there, Open returns an
// error or a log that can be read to its end, written to, and opened again.
func FuzzOpen(f *testing.F) {
	f.Add(uint8(0), uint16(0), []byte("BALSAWAL"))
	f.Add(uint8(0), uint16(headerSize), make([]byte, 512))
	f.Add(uint8(2), uint16(700), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	sealed, _ := appendRecord(nil, seedOf(7, 1), headerSize, 0, 0, kindSeal, nil)
	f.Add(uint8(0), uint16(headerSize), sealed)
	reset, _ := appendRecord(nil, seedOf(7, 1), headerSize, 0, 0, kindReset, []byte{1, 2})
	f.Add(uint8(0), uint16(headerSize), reset)
	f.Add(uint8(1), uint16(0), appendHeader(nil, header{sequence: 2, member: 7, size: 4096, state: state{last: wire.Pos{Term: 9, Index: 1 << 63}}}))
	alone := func(start, last wire.Pos) { // a header that may make no sense, and no record after it
		h := header{sequence: 3, member: 7, size: 4096, state: state{start: start, last: last}}
		f.Add(uint8(2), uint16(0), append(appendHeader(nil, h), make([]byte, 4096-headerSize)...))
	}
	end := wire.Pos{Term: 9, Index: 1<<64 - 1}
	alone(end, end)
	alone(end, wire.Pos{})
	alone(wire.Pos{Term: 9, Index: end.Index - 1}, wire.Pos{Term: 9, Index: end.Index - 1})
	s := newSample(f, 15)
	f.Fuzz(func(t *testing.T, segment uint8, at uint16, b []byte) {
		disk := s.Image(1)
		name := segmentName(uint64(segment)%3 + 1)
		file, err := disk.Open(name)
		must(t, err)
		_, err = file.WriteAt(b[:min(len(b), 4096-int(at%4096))], int64(at%4096))
		must(t, errors.Join(err, file.Sync(), file.Close()))
		before := contents(t, disk)[name]
		l, err := Open(disk, small)
		if err != nil {
			if contents(t, disk)[name] != before {
				t.Fatalf("Open returned %v and changed the log", err)
			}
			return
		}
		if _, err := read(l); err != nil {
			t.Fatalf("Open returned no error, and reading: %v", err)
		}
		if l.Last().Index+2 == 0 {
			return // no entry has the last index there is: the one after it would have none
		}
		l.Append(makeBatch(wire.Pos{Term: l.Last().Term + 1, Index: l.Last().Index + 1}, 1, func() []byte { return nil }))
		flush(t, l)
		last := l.Last()
		must(t, l.Close())
		if l := open(t, disk); l.Last() != last {
			t.Fatalf("opened again the log ends at %s, want %s", l.Last(), last)
		}
	})
}

// FuzzRecord: what was appended is read back, in its place and nowhere else; and any
// other bytes are read without a panic.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("payload"), uint16(12), uint16(3), uint32(9), uint8(2))
	f.Add([]byte{}, uint16(0), uint16(0), uint32(0), uint8(5))
	f.Add(bytes.Repeat([]byte("more than is copied at once"), 999), uint16(12), uint16(3), uint32(9), uint8(2))
	f.Fuzz(func(t *testing.T, payload []byte, place, from uint16, prev uint32, kind uint8) {
		offset := int64(place) * recordAlign
		flush := int64(from%(place+1|1)) * recordAlign
		flush = min(flush, offset)
		k := recordKind(kind%5) + kindHardState
		seed := seedOf(3, 4)
		b, sum := appendRecord(make([]byte, offset), seed, offset, flush, prev, k, payload)
		whole := bytes.Repeat([]byte{0xee}, int(recordSize(len(payload))))
		if s := putRecord(whole, seed, offset, flush, prev, k, payload); s != sum || !bytes.Equal(whole, b[offset:]) {
			t.Fatalf("put at once it is %x with checksum %08x, in parts %x with %08x", whole, s, b[offset:], sum)
		}
		reader := func(seed uint32, b []byte) *recordReader {
			return &recordReader{file: bytes.NewReader(b), seed: seed, size: int64(len(b)), chunk: 64}
		}
		rec, ok, err := reader(seed, b).record(offset)
		if err != nil || !ok || rec.sum != sum || rec.prev != prev || rec.flush != flush || rec.kind != k || !bytes.Equal(rec.payload, payload) {
			t.Fatalf("%d bytes of kind %d at %d were read back as %+v, %v, %v", len(payload), k, offset, rec, ok, err)
		}
		if rec.size != recordSize(len(payload)) || rec.size != int64(len(b))-offset {
			t.Fatalf("a record of %d bytes has size %d", int64(len(b))-offset, rec.size)
		}
		if _, ok, _ := reader(seed+1, b).record(offset); ok {
			t.Fatal("a record of another segment verifies")
		}
		moved := append(make([]byte, offset+8), b[offset:]...)
		if _, ok, _ := reader(seed, moved).record(offset + 8); ok {
			t.Fatal("a record at another place verifies")
		}
		for at := 0; at+recordHeaderSize <= len(payload); at += recordAlign {
			if _, ok, err := reader(seed, payload).record(int64(at)); ok || err != nil {
				t.Fatalf("a payload was read as a record: %v, %v", ok, err)
			}
		}
		if _, err := reader(seed, b).search(0); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzReplay: records that verify, and may make no sense, are a DamageError or a log
// that can be read to its end. Each takes a byte of kind, one of length, and payload.
func FuzzReplay(f *testing.F) {
	add := func(records ...[]byte) {
		var all []byte
		for _, payload := range records {
			all = append(append(append(all, payload[0]), byte(len(payload)-1)), payload[1:]...)
		}
		f.Add(all)
	}
	kind := func(k recordKind, payload []byte) []byte { return append([]byte{byte(k - kindHardState)}, payload...) }
	var a, b [smallPayload]byte
	add(kind(kindHardState, putHardState(&a, HardState{Term: 3, Vote: 4})),
		kind(kindBatch, entry(1, 1, "a")), kind(kindBatch, entry(2, 2, "b")), kind(kindBatch, entry(3, 2, "B")),
		kind(kindCompact, putPos(&b, wire.Pos{Term: 1, Index: 1})))
	add(kind(kindReset, putPos(&a, wire.Pos{Term: 9, Index: 1<<64 - 1})), kind(kindBatch, entry(9, 1, "wraps")))
	add(kind(kindReset, putPos(&a, wire.Pos{Term: 9, Index: 1<<64 - 1})))
	add(kind(kindReset, putPos(&a, wire.Pos{Term: 9, Index: 1<<64 - 2})))
	add(kind(kindBatch, entry(1, 1, "a")), kind(kindCompact, putPos(&a, wire.Pos{Term: 1, Index: 7})))
	add(kind(kindBatch, append(entry(1, 1, "a"), 0)), kind(kindSeal, nil))
	add(kind(kindHardState, []byte{1}))
	f.Fuzz(func(t *testing.T, records []byte) {
		buf := appendHeader(nil, header{sequence: 1, member: 7, size: 1 << 20})
		prev := uint32(0)
		for len(records) > 2 && len(buf) < 1<<16 {
			n := min(int(records[1]), len(records)-2)
			buf, prev = appendRecord(buf, seedOf(7, 1), int64(len(buf)), 0, prev, recordKind(records[0]%5)+kindHardState, records[2:2+n])
			records = records[2+n:]
		}
		disk := fsys.NewMemory()
		file, err := disk.Create(segmentName(1))
		must(t, err)
		_, err = file.WriteAt(buf, 0)
		must(t, errors.Join(err, file.Truncate(1<<20), file.Close()))
		l, err := Open(disk, small)
		var damage *DamageError
		if errors.As(err, &damage) {
			return
		}
		must(t, err)
		if _, err := read(l); err != nil {
			t.Fatal(err)
		}
	})
}

// appendRecord adds a record that will stand at offset of a segment to buf, and returns its
// checksum: what a pen does, in memory.
func appendRecord(buf []byte, seed uint32, offset, flush int64, prev uint32, kind recordKind, payload []byte) ([]byte, uint32) {
	header := make([]byte, recordHeaderSize)
	sum, zeros := putRecordHeader(header, seed, offset, flush, prev, kind, payload)
	return slices.Concat(buf, header, payload, zeros), sum
}
