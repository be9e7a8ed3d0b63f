package opfs

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/fsys"
)

func encoded(t *testing.T, x index) []byte {
	t.Helper()
	b, err := x.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slots puts indexes where they belong.
func slots(t *testing.T, xs ...index) []byte {
	t.Helper()
	b := make([]byte, 2*slotSize)
	for _, x := range xs {
		copy(b[slot(x.sequence):], encoded(t, x))
	}
	return b
}

var (
	older = index{sequence: 6, next: 3, numbers: map[string]uint64{"a": 1, "b": 2}}
	newer = index{sequence: 7, next: 9, numbers: map[string]uint64{"b": 1, "wal-1": 8}}
)

func TestTheNewerIndexCounts(t *testing.T) {
	for name, c := range map[string]struct {
		slots []byte
		want  index
	}{
		"both are whole":           {slots(t, older, newer), newer},
		"the older one is alone":   {slots(t, older), older},
		"the second slot is alone": {slots(t, newer), newer},
	} {
		x, err := newerIndex(c.slots)
		if err != nil || x.sequence != c.want.sequence || x.next != c.want.next || !maps.Equal(x.numbers, c.want.numbers) {
			t.Errorf("%s: got %+v, %v, want %+v", name, x, err, c.want)
		}
	}
}

// A crash may leave any part of the write of an index; until it is whole, the one before
// it counts.
func TestAnIndexThatIsCutOffAnywhereLeavesTheOneBefore(t *testing.T) {
	whole := encoded(t, newer)
	for size := range len(whole) {
		b := slots(t, older)
		copy(b[slot(newer.sequence):], whole[:size])
		if x, err := newerIndex(b); err != nil || x.sequence != older.sequence {
			t.Fatalf("with %d bytes of the newer one: sequence %d, %v", size, x.sequence, err)
		}
	}
}

func TestEveryFlippedBitOfAnIndexIsNoticed(t *testing.T) {
	whole := encoded(t, newer)
	for bit := range len(whole) * 8 {
		b := slots(t, newer)
		b[slot(newer.sequence)+int64(bit/8)] ^= 1 << (bit % 8)
		if x, err := newerIndex(b); err == nil {
			t.Fatalf("bit %d: got %+v", bit, x)
		}
	}
}

func TestAnEmptyIndexFileIsNoIndex(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 10), make([]byte, 2*slotSize)} {
		if _, err := newerIndex(b); err != errNoIndex {
			t.Errorf("%d zeros: %v", len(b), err)
		}
	}
}

func TestTooManyNamesAreRefused(t *testing.T) {
	x := index{next: 3000, numbers: map[string]uint64{}}
	for i := range uint64(2000) {
		x.numbers[fmt.Sprint(strings.Repeat("x", 40), i)] = i + 1
	}
	if _, err := x.append(nil); !errors.Is(err, fsys.ErrNoSpace) {
		t.Errorf("got %v", err)
	}
}
