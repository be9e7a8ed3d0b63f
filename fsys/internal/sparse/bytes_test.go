package sparse

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// TestBytesBehaveLikeASlice compares with the obvious version, a slice.
func TestBytesBehaveLikeASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var b Bytes
	var plain []byte
	for range 3000 {
		off := rng.Int64N(5 * pageSize)
		switch rng.IntN(4) {
		case 0:
			b.Truncate(off)
			plain = append(plain, make([]byte, max(0, int(off)-len(plain)))...)[:off]
			clear(plain[len(plain):cap(plain)])
		default:
			p := make([]byte, rng.IntN(2*pageSize))
			if rng.IntN(2) == 0 {
				for i := range p {
					p[i] = byte(rng.Uint32())
				}
			}
			b.WriteAt(p, off)
			if end := int(off) + len(p); end > len(plain) {
				plain = append(plain, make([]byte, end-len(plain))...)
			}
			copy(plain[off:], p)
		}
		got := make([]byte, b.Size())
		if n, err := b.ReadAt(got, 0); n != len(got) || err != nil {
			t.Fatalf("ReadAt read %d of %d bytes: %v", n, len(got), err)
		}
		if !bytes.Equal(got, plain) {
			t.Fatal("content differs from the slice's")
		}
	}
}

func TestReadBeyondTheEndIsEOF(t *testing.T) {
	var b Bytes
	b.WriteAt([]byte("abc"), 0)
	p := make([]byte, 5)
	if n, err := b.ReadAt(p, 1); n != 2 || err != io.EOF {
		t.Errorf("ReadAt across the end = %d, %v, want 2, EOF", n, err)
	}
	if n, err := b.ReadAt(p, 7); n != 0 || err != io.EOF {
		t.Errorf("ReadAt beyond the end = %d, %v, want 0, EOF", n, err)
	}
}

func TestZerosTakeNoMemory(t *testing.T) {
	var b Bytes
	b.Truncate(64 << 20)
	b.WriteAt(make([]byte, 1<<20), 0)
	if len(b.pages) != 0 {
		t.Errorf("%d pages hold nothing but zeros", len(b.pages))
	}
}

func TestClonesAreIndependent(t *testing.T) {
	var b Bytes
	b.WriteAt([]byte("abc"), 0)
	c := b.Clone()
	b.WriteAt([]byte("x"), 0)
	p := make([]byte, 3)
	c.ReadAt(p, 0)
	if string(p) != "abc" {
		t.Errorf("the clone reads %q after a write to the original", p)
	}
}
