//go:build !js

package opfs

import (
	"maps"
	"testing"
)

func FuzzIndex(f *testing.F) {
	for _, x := range []index{{numbers: nil, next: 1}, older, newer} {
		b, _ := x.append(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := decodeIndex(b)
		if err != nil {
			return
		}
		again, err := x.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if y, err := decodeIndex(again); err != nil || y.sequence != x.sequence || y.next != x.next || !maps.Equal(y.numbers, x.numbers) {
			t.Errorf("%+v came back as %+v, %v", x, y, err)
		}
	})
}
