package web

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// moduleOf is a module with a section that nothing is done to, and these segments as its data.
func moduleOf(segments ...segment) []byte {
	data := binary.AppendUvarint(nil, uint64(len(segments)))
	for _, s := range segments {
		data = appendSleb(append(data, 0, 0x41), s.address)
		data = binary.AppendUvarint(append(data, 0x0b), uint64(len(s.bytes)))
		data = append(data, s.bytes...)
	}
	m := []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x02")
	m = binary.AppendUvarint(append(m, dataSection), uint64(len(data)))
	return append(m, data...)
}

// loaded is what memory holds after its segments were put into it one after the other.
func loaded(t *testing.T, m []byte, size int) (memory []byte, segments int) {
	t.Helper()
	head := len("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x02")
	if !bytes.HasPrefix(m, moduleOf()[:head]) {
		t.Fatalf("the module begins with % x", m[:head])
	}
	in := reader{rest: m[head+1:]}
	in.uleb()
	memory = make([]byte, size)
	for count := in.uleb(); count > 0; count-- {
		s, ok := in.segment()
		if !ok {
			t.Fatal("a segment cannot be read")
		}
		copy(memory[s.address:], s.bytes)
		segments++
	}
	return memory, segments
}

func TestWhoBuiltAProgramIsNotSent(t *testing.T) {
	m := moduleOf(segment{8, []byte("data")})
	out, err := joinSegments(append(append([]byte{}, m...), 0, 3, 'a', 'b', 'c')) // a custom section
	if err != nil || !bytes.Equal(out, m) {
		t.Errorf("% x, %v", out, err)
	}
}

func TestJoinedSegmentsLoadTheSame(t *testing.T) {
	const size = 1 << 16
	for seed := range uint64(100) {
		chance := rand.New(rand.NewPCG(seed, 0))
		var segments []segment
		for at := int64(chance.IntN(200)); at < size-300; at += int64(1 + chance.IntN(500)) {
			b := make([]byte, 1+chance.IntN(20))
			for i := range b {
				b[i] = byte(1 + chance.IntN(255))
			}
			segments = append(segments, segment{at, b})
			at += int64(len(b))
		}
		chance.Shuffle(len(segments), func(i, j int) { segments[i], segments[j] = segments[j], segments[i] })
		before := moduleOf(segments...)
		after, err := joinSegments(before)
		if err != nil {
			t.Fatal(err)
		}
		want, n := loaded(t, before, size)
		got, m := loaded(t, after, size)
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: memory differs", seed)
		}
		if m >= n {
			t.Errorf("seed %d: %d segments of %d", seed, m, n)
		}
	}
}

func TestSegmentsFarApartStayApart(t *testing.T) {
	far := moduleOf(segment{0, []byte{1}}, segment{1 + mostZeros, []byte{2}}, segment{3 + 2*mostZeros, []byte{3}})
	joined, err := joinSegments(far)
	if err != nil {
		t.Fatal(err)
	}
	if _, segments := loaded(t, joined, 4096); segments != 2 {
		t.Errorf("%d segments, want 2: over %d zeros, and not over one more", segments, mostZeros)
	}
}

func TestAddressesBeyondTwoGigabytes(t *testing.T) {
	in := reader{rest: appendSleb([]byte{0, 0x41}, 3<<30)}
	in.rest = append(in.rest, 0x0b, 1, 9)
	if s, ok := in.segment(); !ok || s.address != 3<<30 {
		t.Errorf("%+v, %v", s, ok)
	}
}

func TestWhatIsNoModuleIsRefused(t *testing.T) {
	whole := moduleOf(segment{8, []byte{1, 2}}, segment{100, []byte{3}})
	if _, err := joinSegments(whole); err != nil {
		t.Fatal(err)
	}
	for size := range len(whole) {
		if size == moduleHead || size == moduleHead+5 {
			continue // a module, with fewer sections
		}
		if _, err := joinSegments(whole[:size]); !errors.Is(err, errModule) {
			t.Errorf("%d of %d bytes: %v", size, len(whole), err)
		}
	}
	over := moduleOf(segment{8, []byte{1, 2}}, segment{9, []byte{3}})
	if _, err := joinSegments(over); !errors.Is(err, errModule) {
		t.Errorf("segments that overlap: %v", err)
	}
	passive := bytes.Replace(whole, []byte{2, 0, 0x41}, []byte{2, 1, 0x41}, 1)
	if _, err := joinSegments(passive); !errors.Is(err, errModule) {
		t.Errorf("a segment that a program loads itself: %v", err)
	}
}
