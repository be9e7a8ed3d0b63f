package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
	"testing/iotest"

	"github.com/balsaraft/balsa"
)

func filled(n int) *Machine {
	m := NewMachine()
	for i := range n {
		m.Apply(balsa.Entry{Index: balsa.Index(i + 1)}, Command{Op: Put, Key: fmt.Sprintf("key-%07d", i), Value: fmt.Appendf(nil, "value %d", i)})
	}
	return m
}

func TestSnapshotHoldsTheMomentOfItsCapture(t *testing.T) {
	m := filled(100)
	before := snapshotOf(t, m)
	w, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		c := Command{Op: Put, Key: fmt.Sprintf("key-%07d", i), Value: []byte("changed")}
		if i%3 == 0 {
			c = Command{Op: Delete, Key: c.Key}
		}
		m.Apply(balsa.Entry{Index: balsa.Index(200 + i)}, c)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), before) {
		t.Fatal("changes after the capture are in the snapshot")
	}
}

func TestEqualStatesWriteEqualSnapshots(t *testing.T) {
	m := filled(500)
	if !bytes.Equal(snapshotOf(t, m), snapshotOf(t, restored(t, m))) {
		t.Fatal("a restored machine writes other bytes")
	}
}

func TestRestoreRefusesEveryDamagedByteAndLength(t *testing.T) {
	m := filled(5)
	whole := snapshotOf(t, m)
	target := filled(1)
	refused := func(what string, b []byte, want error) {
		t.Helper()
		err := target.Restore(bytes.NewReader(b))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if target.Len() != 1 {
			t.Fatalf("%s: the state changed", what)
		}
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[i] ^= flip
			want := ErrSnapshot
			if i == len(snapshotMagic) {
				want = ErrSnapshotVersion
			}
			refused(fmt.Sprintf("byte %d ^ %#x", i, flip), b, want)
		}
		refused(fmt.Sprintf("cut at %d", i), whole[:i], ErrSnapshot)
	}
	refused("a byte more", append(bytes.Clone(whole), 0), ErrSnapshot)
	refused("twice", append(bytes.Clone(whole), whole...), ErrSnapshot)
	newer := bytes.Clone(whole)
	newer[len(snapshotMagic)]++
	refused("newer", newer, ErrSnapshotVersion)
}

func TestRestoreRefusesWhatNoMachineWrites(t *testing.T) {
	for what, items := range map[string]string{
		"a key twice":          "\x01a\x01\x00" + "\x01a\x02\x00" + "\x00\x02",
		"keys in disorder":     "\x01b\x01\x00" + "\x01a\x02\x00" + "\x00\x02",
		"too few keys":         "\x01a\x01\x00" + "\x00\x02",
		"a key over 1024":      "\x81\x08" + string(make([]byte, 1025)) + "\x01\x00\x00\x01",
		"a value over 1 MiB":   "\x01a\x01\x81\x80\x40",
		"a length without end": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		b := append([]byte(snapshotMagic), snapshotVersion)
		b = append(b, items...)
		sum := crc32.Checksum(b, castagnoli)
		b = append(b, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
		if err := NewMachine().Restore(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: restored", what)
		}
	}
}

func TestRestorePassesOnTheReadersError(t *testing.T) {
	broken := errors.New("broken pipe")
	r := io.MultiReader(bytes.NewReader(snapshotOf(t, filled(3))[:20]), iotest.ErrReader(broken))
	if err := NewMachine().Restore(r); !errors.Is(err, broken) || errors.Is(err, ErrSnapshot) {
		t.Fatalf("%v, want the reader's error, which is no damage", err)
	}
}

func FuzzRestore(f *testing.F) {
	for _, n := range []int{0, 3} {
		whole := snapshotOf(f, filled(n))
		f.Add(whole[:len(whole)-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// The sum is added here, because chance would never find it.
		b = binary.LittleEndian.AppendUint32(bytes.Clone(b), crc32.Checksum(b, castagnoli))
		m := NewMachine()
		if m.Restore(bytes.NewReader(b)) == nil {
			if again := restored(t, m); again.Len() != m.Len() {
				t.Fatal("a snapshot of a restored state is another one")
			}
		}
	})
}

// BenchmarkCapture is for how long a snapshot holds off Apply.
func BenchmarkCapture(b *testing.B) {
	for _, keys := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			m := filled(keys)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Snapshot(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(keys), "ns/key")
		})
	}
}

func BenchmarkSnapshotWrite(b *testing.B) {
	w, _ := filled(100_000).Snapshot()
	for b.Loop() {
		n, err := w.WriteTo(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(n)
	}
}
