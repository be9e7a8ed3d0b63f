package wal

import (
	"errors"
	"maps"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/wire"
)

// inspected counts the findings by kind, and lists the entries of batches.
func inspected(t *testing.T, files fsys.FS) (kinds map[string]int, entries []wire.Index) {
	t.Helper()
	kinds = map[string]int{}
	err := Inspect(files, func(f Finding) bool {
		kinds[f.Kind]++
		if f.Kind == "batch" {
			for index := range f.Batch.Entries() {
				entries = append(entries, index)
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds, entries
}

// inspectable is a log of some entries, each of a flush of its own.
func inspectable(t *testing.T, disk *fault.Disk, entries int) {
	t.Helper()
	l, err := Open(disk, Options{SegmentBytes: 8 << 10, Member: 7})
	if err != nil {
		t.Fatal(err)
	}
	l.SaveHardState(HardState{Term: 3, Vote: 7})
	for i := 1; i <= entries; i++ {
		body := wire.AppendEntry(wire.NewBody(300), wire.KindCommand, make([]byte, 200))
		l.Append(wire.NewBatch(wire.Pos{Term: 3, Index: wire.Index(i)}, int64(i), 1, body))
		f := l.Flush()
		if err := l.Flushed(f, f.Run()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestInspectShowsAllThatALogWasTold(t *testing.T) {
	disk := fault.New(1)
	inspectable(t, disk, 100)
	kinds, entries := inspected(t, disk)
	if len(entries) != 100 || entries[0] != 1 || entries[99] != 100 || kinds["hard-state"] != 1 || kinds["segment"] < 3 || kinds["seal"] < 2 || kinds["gap"] != 0 {
		t.Errorf("%v, %d entries", kinds, len(entries))
	}
	s, err := Verify(disk)
	if err != nil || s.Member != 7 || s.Hard != (HardState{Term: 3, Vote: 7}) || s.Last != (wire.Pos{Term: 3, Index: 100}) || s.Start != (wire.Pos{}) || s.Segments < 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestInspectGoesOnAfterDamageAndChangesNothing(t *testing.T) {
	disk := fault.New(1)
	inspectable(t, disk, 100)
	var second string
	if err := Inspect(disk, func(f Finding) bool { second = f.File; return f.Kind != "batch" || f.Batch.First() < 40 }); err != nil {
		t.Fatal(err)
	}
	if err := disk.FlipBit(second, 8*3000); err != nil {
		t.Fatal(err)
	}
	before := bytesOf(t, disk)
	kinds, entries := inspected(t, disk)
	if kinds["gap"] != 1 || len(entries) != 99 {
		t.Errorf("%v, %d entries; one was damaged", kinds, len(entries))
	}
	var damage *DamageError
	if _, err := Verify(disk); !errors.As(err, &damage) || damage.File != second {
		t.Errorf("%v, want damage in %s", err, second)
	}
	if !maps.Equal(before, bytesOf(t, disk)) {
		t.Error("looking has changed the files")
	}
}

// bytesOf are all files, byte for byte.
func bytesOf(t *testing.T, files fsys.FS) map[string]string {
	t.Helper()
	names, err := files.List()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		f, err := files.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil && size > 0 {
			t.Fatal(err)
		}
		all[name] = string(b)
		f.Close()
	}
	return all
}
