package sabotage

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/fsys"
)

func TestAFullDiskLetsFilesBeWrittenOverAndNotGrow(t *testing.T) {
	d := NewDisk(fsys.NewMemory())
	f, err := d.Create("log")
	if err != nil {
		t.Fatal(err)
	}
	write := func(at int64) error { _, err := f.WriteAt([]byte("1234"), at); return err }
	if err := errors.Join(write(0), f.Sync()); err != nil {
		t.Fatal(err)
	}
	d.Fill()
	if err := write(0); err != nil {
		t.Errorf("writing over: %v", err)
	}
	_, created := d.Create("other")
	for what, err := range map[string]error{"writing behind the end": write(1), "a new file": created, "more room": f.Truncate(9)} {
		if !errors.Is(err, fsys.ErrNoSpace) {
			t.Errorf("%s: %v", what, err)
		}
	}
	d.Empty()
	if err := errors.Join(write(1), f.Truncate(9)); err != nil {
		t.Errorf("with room: %v", err)
	}
	if opened, err := d.Open("log"); err != nil {
		t.Error(err)
	} else if b, err := io.ReadAll(io.NewSectionReader(opened, 0, 9)); err != nil || string(b) != "11234\x00\x00\x00\x00" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestASlowDiskTakesItsTimeUntilItIsQuickAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDisk(fsys.NewMemory())
		f, err := d.Create("log")
		if err != nil {
			t.Fatal(err)
		}
		took := func() time.Duration {
			began := time.Now()
			if err := f.Sync(); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		if got := took(); got != 0 {
			t.Errorf("a quick disk takes %s", got)
		}
		d.Slow(300 * time.Millisecond)
		if got := took(); got != 300*time.Millisecond {
			t.Errorf("a slow disk takes %s", got)
		}
		time.AfterFunc(100*time.Millisecond, func() { d.Slow(0) })
		if got := took(); got != 100*time.Millisecond {
			t.Errorf("a sync under way when the disk gets quick takes %s", got)
		}
	})
}
