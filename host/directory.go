package host

import (
	"sync"

	"github.com/balsaraft/balsa/fsys"
)

// directory is the member's files, of which log and snapshots are written by tasks side by
// side, and whose names they share. A sync that failed may have lost names of either, and a
// later one that succeeds says nothing of those: so once one has failed, all do, and nobody
// relies on a name that is gone before the member has heard of it and stops.
type directory struct {
	fsys.FS
	mu     sync.Mutex // held while it syncs: one that began before another failed has failed, too
	failed error
}

// SyncDir implements fsys.FS.
func (d *directory) SyncDir() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = d.FS.SyncDir()
	}
	return d.failed
}
