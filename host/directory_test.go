package host

import (
	"errors"
	"testing"

	"github.com/balsaraft/balsa/fsys/fault"
)

func TestADirectoryThatCouldNotBeSyncedIsNotTrustedAgain(t *testing.T) {
	disk := fault.New(1)
	d := &directory{FS: disk}
	if err := d.SyncDir(); err != nil {
		t.Fatal(err)
	}
	disk.Inject(fault.Rule{Op: fault.SyncDir, Times: 1})
	for n := range 3 {
		if err := d.SyncDir(); !errors.Is(err, fault.ErrIO) {
			t.Errorf("sync %d after the failure: %v", n, err)
		}
	}
}
