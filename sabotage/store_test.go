package sabotage

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/balsaraft/balsa/fsys"
)

const why = vfs.WriteCategoryUnspecified

func TestAStoreMeetsTheSameFullDisk(t *testing.T) {
	d := NewDisk(fsys.NewMemory())
	files := d.Store(vfs.NewMem())
	table, err := files.Create("table", why)
	if err != nil {
		t.Fatal(err)
	}
	update, err := files.OpenReadWrite("update", why)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := update.WriteAt([]byte("1234"), 0); err != nil {
		t.Fatal(err)
	}
	try := map[string]func() error{
		"write":                  func() error { _, err := table.Write([]byte("1")); return err },
		"write behind the end":   func() error { _, err := update.WriteAt([]byte("1234"), 1); return err },
		"make a file":            func() error { _, err := files.Create("other", why); return err },
		"open a file to make it": func() error { _, err := files.OpenReadWrite("third", why); return err },
	}
	d.Fill()
	for what, do := range try {
		if err := do(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := update.WriteAt([]byte("4321"), 0); err != nil {
		t.Errorf("writing over: %v", err)
	}
	if _, err := files.OpenReadWrite("update", why); err != nil {
		t.Errorf("open what is there: %v", err)
	}
	d.Empty()
	for what, do := range try {
		if err := do(); err != nil {
			t.Errorf("%s with room: %v", what, err)
		}
	}
}

func TestAStoreMeetsTheSameSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDisk(fsys.NewMemory())
		files := d.Store(vfs.NewMem())
		if err := files.MkdirAll("dir", 0o700); err != nil {
			t.Fatal(err)
		}
		table, err := files.Create("old", why)
		if err != nil {
			t.Fatal(err)
		}
		reused, err := files.ReuseForWrite("old", "new", why)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := files.OpenDir("dir")
		if err != nil {
			t.Fatal(err)
		}
		d.Slow(200 * time.Millisecond)
		for what, sync := range map[string]func() error{"a file": table.Sync, "its data": table.SyncData, "a file used again": reused.Sync, "a directory": dir.Sync} {
			began := time.Now()
			if err := sync(); err != nil || time.Since(began) != 200*time.Millisecond {
				t.Errorf("the sync of %s takes %s, %v", what, time.Since(began), err)
			}
		}
	})
}
