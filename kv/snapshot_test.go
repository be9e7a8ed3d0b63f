package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
)

// filled is a machine with some of everything.
func filled(t testing.TB, l *log) *Machine {
	m := inMemory(t)
	for i := range 300 {
		o := Set(fmt.Sprintf("key-%03d", i%200), bytes.Repeat([]byte{byte(i)}, i))
		m.Apply(l.entry(0), Do(o))
	}
	m.Apply(l.entry(0), Do(Grant(1e9), Op{Kind: OpSet, Key: "leased", Lease: NewLease}))
	m.Apply(l.entry(0), Do(Op{Kind: OpSet, Key: "short", TTL: 5e9}))
	return m
}

func TestSnapshotShowsTheMomentItWasTakenWhileCommandsGoOn(t *testing.T) {
	l := newLog()
	m := filled(t, l)
	before := content(t, m)
	w, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() { _, err := w.WriteTo(out); out.CloseWithError(err); done <- err }()
	var got bytes.Buffer
	for { // a command between any two pieces
		m.Apply(l.entry(0), Do(Set("key-000", []byte("later")), DeleteRange(Prefix("key-1"))))
		if _, err := io.CopyN(&got, in, 1000); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil || !bytes.Equal(got.Bytes(), before) {
		t.Fatalf("it shows something else, %v", err)
	}
}

func TestASnapshotReplacesAllThatWasThere(t *testing.T) {
	l := newLog()
	snapshot := content(t, filled(t, l))
	other := newLog()
	m := onDisk(t, t.TempDir())
	other.do(t, m, Set("gone", nil), Grant(1e9))
	v, err := m.View() // one from before does not mind
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Restore(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Get("gone"); err != ErrNotFound {
		t.Fatal(err)
	}
	if i, err := v.Get("gone"); err != nil {
		t.Fatalf("%+v, %v", i, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, m), snapshot) {
		t.Fatal("it holds something else")
	}
	l.do(t, m, Set("key-000", nil))
	if i, err := m.Get("key-000"); err != nil || i.Changes != 3 {
		t.Fatalf("%+v, %v", i, err)
	}
}

// Every single byte that is flipped or missing is found, and nothing has changed then.
func TestADamagedSnapshotChangesNothing(t *testing.T) {
	l := newLog()
	source := inMemory(t)
	l.do(t, source, Set("a", []byte("1")), Set("b", nil), Grant(1e9))
	l.do(t, source, Set("a", []byte("2")))
	snapshot := content(t, source)
	m := inMemory(t)
	newLog().do(t, m, Set("kept", nil))
	before := content(t, m)
	for i := range snapshot {
		damaged := bytes.Clone(snapshot)
		damaged[i] ^= 1
		for _, b := range [][]byte{damaged, snapshot[:i]} {
			if err := m.Restore(bytes.NewReader(b)); err == nil {
				t.Fatalf("damage at byte %d of %d goes unnoticed", i, len(snapshot))
			}
		}
	}
	if err := m.Restore(io.MultiReader(bytes.NewReader(snapshot), strings.NewReader("x"))); !errors.Is(err, ErrSnapshot) {
		t.Fatalf("bytes after the end: %v", err)
	}
	if !bytes.Equal(content(t, m), before) {
		t.Fatal("the state has changed")
	}
}

func TestASnapshotOfThisVeryStateIsNotWrittenAgain(t *testing.T) {
	l := newLog()
	m := filled(t, l)
	snapshot := content(t, m)
	ingested := m.db.Metrics().Ingest.Count
	if err := m.Restore(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if got := m.db.Metrics().Ingest.Count; got != ingested {
		t.Fatal("tables were ingested")
	}
	if err := m.Restore(bytes.NewReader(snapshot[:len(snapshot)-1])); err == nil {
		t.Fatal("but it must be whole")
	}
}

// A state of 64 MiB passes through a small part of it in memory.
func TestRestoreDoesNotHoldTheState(t *testing.T) {
	source, err := Open(t.TempDir(), Options{Logger: quiet.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	l := newLog()
	value := make([]byte, 1<<16)
	for i := range 1024 {
		for j := 0; j < len(value); j += 8 { // nothing that compresses
			value[j], value[j+1], value[j+2] = byte(i), byte(i>>8), byte(j>>8)
		}
		source.Apply(l.entry(0), Do(Set(fmt.Sprint(i), bytes.Clone(value))))
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := source.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.WriteTo(f); err != nil || n < 64<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	m := onDisk(t, t.TempDir())
	f.Seek(0, io.SeekStart)
	base, most, read := liveBytes(), int64(0), 0
	err = m.Restore(readerFunc(func(b []byte) (int, error) {
		n, err := f.Read(b)
		const step = 8 << 20
		if read += n; read%step < n {
			most = max(most, liveBytes())
		}
		return n, err
	}))
	if err != nil || m.Len() != 1024 {
		t.Fatalf("%d keys, %v", m.Len(), err)
	}
	if grown := most - base; grown > 16<<20 {
		t.Errorf("%d MiB are held for a state of 64", grown>>20)
	}
}

// liveBytes is what the heap holds and somebody still needs.
func liveBytes() int64 {
	runtime.GC()
	var at runtime.MemStats
	runtime.ReadMemStats(&at)
	return int64(at.HeapAlloc)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestSnapshotOfAnotherVersionIsRefused(t *testing.T) {
	snapshot := content(t, inMemory(t))
	snapshot[len(snapshotMagic)] = 1
	if err := inMemory(t).Restore(bytes.NewReader(snapshot)); !errors.Is(err, ErrSnapshotVersion) {
		t.Fatal(err)
	}
	if err := inMemory(t).Restore(strings.NewReader("something else")); !errors.Is(err, ErrSnapshot) {
		t.Fatal(err)
	}
}

func TestASnapshotThatNobodyWritesDoesNotHinderClosing(t *testing.T) {
	m, l := NewMachine(), newLog()
	l.do(t, m, Set("k", nil))
	w, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.View()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(io.Discard); !errors.Is(err, ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if _, err := v.Get("k"); !errors.Is(err, ErrClosed) {
		t.Errorf("get: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Get("k"); !errors.Is(err, balsa.ErrClosed) {
		t.Errorf("get: %v", err)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(content(f, filled(f, newLog())))
	f.Add(content(f, inMemory(f)))
	m := inMemory(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m.Restore(bytes.NewReader(b)) == nil && len(b) == 0 {
			t.Fatal("nothing is no snapshot")
		}
	})
}
