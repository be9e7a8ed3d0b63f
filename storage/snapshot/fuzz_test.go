package snapshot

import (
	"bytes"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

func FuzzHeader(f *testing.F) {
	_, whole, err := newHeader(metaAt(7), 100)
	must(f, err)
	f.Add(whole)
	_, bare, err := newHeader(Meta{Pos: wire.Pos{Term: 1, Index: 1}}, 1)
	must(f, err)
	f.Add(bare)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Checksums are made good, so that what lies behind them is reached.
		if len(b) >= fixedSize+4 {
			b = bytes.Clone(b)
			seal(b)
		}
		_, length, err := parsePrologue(b)
		if err != nil || length > int64(len(b)) || b[8] != formatVersion {
			return
		}
		h, err := parseHeader(b[:length])
		if err != nil {
			return
		}
		again, encoded, err := newHeader(h.meta, h.block)
		if err != nil {
			t.Fatalf("a header that was read cannot be written: %v", err)
		}
		if back, err := parseHeader(encoded); err != nil || !sameMeta(back.meta, h.meta) || back.block != h.block || back.sum != again.sum {
			t.Errorf("the header %+v comes back as %+v, %v", h, back, err)
		}
	})
}

// seal makes the checksums of a header that is all of b good.
func seal(b []byte) {
	put := func(at int, v uint32) {
		for i := range 4 {
			b[at+i] = byte(v >> (8 * i))
		}
	}
	put(12, uint32(len(b)))
	put(16, checksum(b[:16]))
	put(len(b)-4, checksum(b[:len(b)-4]))
}

// Whatever arrives is either refused, or a snapshot whose state reads to its end.
func FuzzReceived(f *testing.F) {
	for _, size := range []int{0, small, 3*small + 1} {
		whole := raw(f, metaAt(1), stateAt(1, size))
		f.Add(whole, uint16(20))
		f.Add(whole[:len(whole)/2], uint16(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		s := open(t, fsys.NewMemory(), 1)
		r, err := s.Receive(metaAt(1))
		must(t, err)
		// The transfer breaks off once and resumes.
		must(t, r.Write(0, b[:min(int(cut), len(b))]))
		r.Abort()
		if r, err = s.Receive(metaAt(1)); err != nil {
			return
		}
		if r.Offset() > int64(len(b)) {
			t.Fatalf("%d bytes resume at %d", len(b), r.Offset())
		}
		must(t, r.Write(r.Offset(), b[r.Offset():]))
		if err := r.Commit(); err != nil {
			r.Discard()
			if len(s.All()) != 0 {
				t.Fatal("what was refused is listed")
			}
			return
		}
		if _, _, err := restore(s, metaAt(1).Pos); err != nil {
			t.Errorf("what was accepted cannot be restored: %v", err)
		}
	})
}
