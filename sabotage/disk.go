package sabotage

import (
	"fmt"
	"sync"
	"time"

	"github.com/balsaraft/balsa/fsys"
)

// Disk is a file system that can be made slow or full. Any goroutine may do so, at any
// time.
type Disk struct {
	fsys.FS
	mu      sync.Mutex
	delay   time.Duration
	changed chan struct{} // closed when delay changes
	full    bool
}

// NewDisk passes all on to a file system.
func NewDisk(files fsys.FS) *Disk { return &Disk{FS: files, changed: make(chan struct{})} }

// Slow lets each sync take so much longer; 0 makes the disk quick again, also for syncs
// that are waiting.
func (d *Disk) Slow(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.delay = by
	close(d.changed)
	d.changed = make(chan struct{})
}

// Fill lets no file be made or grow any more, as if others had taken all the room; what is
// there can be written over. Empty ends it.
func (d *Disk) Fill() { d.setFull(true) }

// Empty makes room.
func (d *Disk) Empty() { d.setFull(false) }

func (d *Disk) setFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// Slowed is by how much.
func (d *Disk) Slowed() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.delay
}

// Full says whether the disk has no room.
func (d *Disk) Full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

// room is an error if something that needs room is done to a full disk.
func (d *Disk) room(what, name string) error {
	if d.Full() {
		return fmt.Errorf("%s %s: %w", what, name, fsys.ErrNoSpace)
	}
	return nil
}

// wait takes the time of a sync.
func (d *Disk) wait() {
	d.mu.Lock()
	delay, changed := d.delay, d.changed
	d.mu.Unlock()
	if delay == 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	}
}

// Create implements fsys.FS.
func (d *Disk) Create(name string) (fsys.File, error) {
	if err := d.room("create", name); err != nil {
		return nil, err
	}
	return d.file(name)(d.FS.Create(name))
}

// Open implements fsys.FS.
func (d *Disk) Open(name string) (fsys.File, error) { return d.file(name)(d.FS.Open(name)) }

// SyncDir implements fsys.FS.
func (d *Disk) SyncDir() error {
	d.wait()
	return d.FS.SyncDir()
}

func (d *Disk) file(name string) func(fsys.File, error) (fsys.File, error) {
	return func(f fsys.File, err error) (fsys.File, error) {
		if err != nil {
			return nil, err
		}
		return file{f, d, name}, nil
	}
}

// file is an open file of a Disk.
type file struct {
	fsys.File
	disk *Disk
	name string
}

// WriteAt implements fsys.File. On a full disk it writes over what is there, and nothing
// behind it.
func (f file) WriteAt(b []byte, offset int64) (int, error) {
	if f.disk.Full() {
		size, err := f.Size()
		if err != nil {
			return 0, err
		}
		if offset+int64(len(b)) > size {
			return 0, f.disk.room("write", f.name)
		}
	}
	return f.File.WriteAt(b, offset)
}

// Sync implements fsys.File.
func (f file) Sync() error {
	f.disk.wait()
	return f.File.Sync()
}

// Truncate implements fsys.File.
func (f file) Truncate(size int64) error {
	if f.disk.Full() {
		now, err := f.Size()
		if err != nil {
			return err
		}
		if size > now {
			return f.disk.room("extend", f.name)
		}
	}
	return f.File.Truncate(size)
}
