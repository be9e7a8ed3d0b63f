package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/balsaraft/balsa"
)

// What testdata/snapshot-2 holds: it was written by a program of version 2 that had
// applied this, and kept a hundred changes.
func snapshotOfVersion2(t *testing.T) (encoded []byte, same *Machine) {
	t.Helper()
	encoded, err := os.ReadFile("testdata/snapshot-2")
	if err != nil {
		t.Fatal(err)
	}
	same = inMemory(t)
	same.bound = bound{changes: 100, weight: 1 << 20}
	odd := "zero\x00and\x00\xff"
	applyIn(same, 10, append(someCommands(5, 200), Do(Set(odd, []byte("1"))), Do(Set(odd, []byte("2"))), Do(Delete(odd))))
	return encoded, same
}

// withoutDigest is a snapshot as a store of version 1 had it.
func withoutDigest(t *testing.T, snapshot []byte) []byte {
	t.Helper()
	head := len(snapshotMagic) + 1
	size, n := binary.Uvarint(snapshot[head:])
	encoded, rest := snapshot[head+n:][:size], snapshot[head+n:][size:len(snapshot)-head-n-4]
	m, err := decodeMeta(encoded)
	if err != nil {
		t.Fatal(err)
	}
	m.version = metaWithoutDigest
	b := append(appendBytes(bytes.Clone(snapshot[:head]), m.append(nil)), rest...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// All of the past is there as if this program had applied it, and members of both
// versions agree on the state.
func TestWhatEarlierVersionsStoredIsBroughtUpToDate(t *testing.T) {
	encoded, same := snapshotOfVersion2(t)
	const hashOfVersion2 = 0x62291e82020b4bcb
	if same.StateHash() != hashOfVersion2 {
		t.Errorf("the state hashes to %x, version 2 had %x", same.StateHash(), hashOfVersion2)
	}
	for name, snapshot := range map[string][]byte{"version 2": encoded, "version 1": withoutDigest(t, encoded)} {
		t.Run(name, func(t *testing.T) {
			files := vfs.NewMem()
			m, err := open(files, "kv", Options{})
			if err != nil {
				t.Fatal(err)
			}
			m.bound = same.bound
			restore(t, m, snapshot)
			compareMachines(t, m, same)
			if !bytes.Equal(content(t, m), content(t, same)) {
				t.Error("its snapshot is another one")
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			if m, err = open(files, "kv", Options{}); err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			compareMachines(t, m, same)
		})
	}
}

// compareMachines compares all that can be asked: each revision, and the history.
func compareMachines(t *testing.T, m, same *Machine) {
	t.Helper()
	if m.StateHash() != same.StateHash() {
		t.Errorf("the state hashes to %x, want %x", m.StateHash(), same.StateHash())
	}
	v, w := viewOf(t, m), viewOf(t, same)
	if v.Compacted() == 0 || v.Compacted() != w.Compacted() {
		t.Fatalf("the history begins after %d, want %d", v.Compacted(), w.Compacted())
	}
	for at := v.Compacted(); at <= v.Applied(); at++ {
		if got, want := itemsAt(t, v, at), itemsAt(t, w, at); !reflect.DeepEqual(got, want) {
			t.Fatalf("at %d there is %+v, want %+v", at, got, want)
		}
	}
	if got, want := pastOf(t, m), pastOf(t, same); len(got) == 0 || !reflect.DeepEqual(got, want) {
		t.Fatalf("the history is %+v, want %+v", got, want)
	}
}

func viewOf(t *testing.T, m *Machine) *View {
	t.Helper()
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func itemsAt(t *testing.T, v *View, at balsa.Index) []Item {
	t.Helper()
	earlier, err := v.At(at)
	if err != nil {
		t.Fatal(err)
	}
	items, _, err := earlier.Scan(Range{}, ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// pastOf is the whole history that is kept.
func pastOf(t *testing.T, m *Machine) (all []Changes) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	for c, err := range m.Watch(ctx, Watch{From: m.state.Load().compacted + 1, Previous: true}) {
		if errors.Is(err, errEnough) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}
