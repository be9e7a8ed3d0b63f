package unzeroed

import (
	"bytes"
	"runtime/debug"
	"testing"
)

// TestBytesAreOnesOwn: pieces have the length that was asked for, can be written to their
// ends, and share nothing, whatever is collected meanwhile.
func TestBytesAreOnesOwn(t *testing.T) {
	sizes := []int{0, 1, least - 1, least, least + 1, 100_000, 1<<20 + 7}
	var all [][]byte
	for round := range 50 {
		for i, n := range sizes {
			b := Bytes(n)
			if len(b) != n || cap(b) != n {
				t.Fatalf("%d bytes asked for, %d of %d given", n, len(b), cap(b))
			}
			for at := range b {
				b[at] = byte(round*len(sizes) + i)
			}
			all = append(all, b)
		}
	}
	for i, b := range all {
		if want := bytes.Repeat([]byte{byte(i)}, len(b)); !bytes.Equal(b, want) {
			t.Fatalf("piece %d of %d bytes changed", i, len(b))
		}
	}
}

// BenchmarkBytes is beside what Go's own make does, with a heap that is collected as seldom
// as that of a member with memory in use.
func BenchmarkBytes(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1000))
	for _, side := range []struct {
		name string
		make func(int) []byte
	}{
		{"unzeroed", Bytes},
		{"make", func(n int) []byte { return make([]byte, n) }},
	} {
		b.Run(side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				kept = side.make(512 << 10)
			}
		})
	}
}

var kept []byte
