package kv

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/balsaraft/balsa"
)

var quiet = Options{CacheBytes: 1 << 20, MemoryBytes: 64 << 10, Logger: slog.New(slog.DiscardHandler)}

// TestACrashLeavesAWholeBatchAndReplayDoesTheRest takes the power away at random: what
// is on the disk is the state after some batch, it says which, and applying the rest
// leads to where the machine had been.
func TestACrashLeavesAWholeBatchAndReplayDoesTheRest(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			d := dice{rand.New(rand.NewPCG(seed, 2)), 0}
			disk, l := vfs.NewCrashableMem(), newLog()
			m, err := open(disk, "kv", quiet)
			if err != nil {
				t.Fatal(err)
			}
			steady := inMemory(t)
			var entries []balsa.Entry
			var commands []Command
			ends := map[balsa.Index]bool{0: true} // of batches
			replayed := 0
			for range 60 {
				first := len(entries)
				for range 1 + d.IntN(30) {
					d.index = l.index
					c := d.command()
					c.Then = append(c.Then, Set(d.key(), make([]byte, d.IntN(4000))))
					commands = append(commands, c)
					entries = append(entries, l.entry(time.Millisecond))
				}
				m.ApplyBatch(entries[first:], commands[first:])
				steady.ApplyBatch(entries[first:], commands[first:])
				ends[l.index] = true
				if d.IntN(8) > 0 {
					continue
				}
				disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: d.IntN(101), RNG: d.Rand})
				m.Close()
				if m, err = open(disk, "kv", quiet); err != nil {
					t.Fatal(err)
				}
				applied := m.Applied()
				if !ends[applied] {
					t.Fatalf("%d is no end of a batch", applied)
				}
				replayed += len(entries) - int(applied)
				ends = map[balsa.Index]bool{applied: true, l.index: true}
				if int(applied) < len(entries) {
					m.ApplyBatch(entries[applied:], commands[applied:])
				}
				if !bytes.Equal(content(t, m), content(t, steady)) {
					t.Fatal("the state is another one")
				}
			}
			t.Logf("%d of %d commands were applied again", replayed, len(entries))
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestClosedStoreNeedsNoReplay(t *testing.T) {
	dir, l := t.TempDir(), newLog()
	m := onDisk(t, dir)
	l.do(t, m, Set("k", []byte("v")))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = onDisk(t, dir)
	if i, err := m.Get("k"); err != nil || m.Applied() != 1 || string(i.Value) != "v" {
		t.Fatalf("at %d: %+v, %v", m.Applied(), i, err)
	}
}

// onDisk is a machine in a directory that the test closes.
func onDisk(t testing.TB, dir string) *Machine {
	t.Helper()
	m, err := Open(dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestADamagedStoreIsEmptiedAndFilledAgain(t *testing.T) {
	dir, l := t.TempDir(), newLog()
	m := onDisk(t, dir)
	for i := range 1000 {
		l.do(t, m, Set(fmt.Sprint(i), bytes.Repeat([]byte{byte(i)}, 100)))
	}
	snapshot := content(t, m)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := dir + "/" + f.Name()
		if b, err := os.ReadFile(path); err == nil && bytes.HasSuffix([]byte(path), []byte(".sst")) {
			for i := range b[:len(b)/2] {
				b[i] ^= 0xff
			}
			os.WriteFile(path, b, 0o600)
		}
	}
	m = onDisk(t, dir)
	if m.Applied() != 0 { // its head was whole: the damage shows where it is read
		if _, err := m.Get("7"); err == nil {
			t.Fatal("the damage goes unnoticed")
		}
		m.Close()
		m = onDisk(t, dir)
	}
	if m.Applied() != 0 || m.Len() != 0 {
		t.Fatalf("it holds %d keys as of %d", m.Len(), m.Applied())
	}
	if err := m.Restore(bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	if i, err := m.Get("7"); err != nil || len(i.Value) != 100 || m.Applied() != 1000 {
		t.Fatalf("%+v, %v", i, err)
	}
}

func TestAStoreInUseSaysSo(t *testing.T) {
	dir := t.TempDir()
	onDisk(t, dir)
	if m, err := Open(dir, quiet); err == nil {
		m.Close()
		t.Fatal("it was opened twice")
	} else if want := balsa.ErrLocked; !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
}
