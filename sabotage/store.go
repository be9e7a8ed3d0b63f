package sabotage

import (
	"fmt"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Store is the same disk as a store of Pebble's sees it, which is as slow and as full: it
// stands between the store and its files.
func (d *Disk) Store(files vfs.FS) vfs.FS { return storeFS{files, d} }

// storeFS is a vfs.FS on a Disk.
type storeFS struct {
	vfs.FS
	disk *Disk
}

// Unwrap implements vfs.FS.
func (s storeFS) Unwrap() vfs.FS { return s.FS }

// Create implements vfs.FS.
func (s storeFS) Create(name string, why vfs.DiskWriteCategory) (vfs.File, error) {
	if s.disk.Full() {
		return nil, noRoom("create", name)
	}
	return s.file(name)(s.FS.Create(name, why))
}

// OpenReadWrite implements vfs.FS.
func (s storeFS) OpenReadWrite(name string, why vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	if _, err := s.Stat(name); err != nil && s.disk.Full() {
		return nil, noRoom("create", name)
	}
	return s.file(name)(s.FS.OpenReadWrite(name, why, options...))
}

// ReuseForWrite implements vfs.FS.
func (s storeFS) ReuseForWrite(from, to string, why vfs.DiskWriteCategory) (vfs.File, error) {
	return s.file(to)(s.FS.ReuseForWrite(from, to, why))
}

// OpenDir implements vfs.FS.
func (s storeFS) OpenDir(name string) (vfs.File, error) { return s.file(name)(s.FS.OpenDir(name)) }

func (s storeFS) file(name string) func(vfs.File, error) (vfs.File, error) {
	return func(f vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return &storeFile{f, s.disk, name}, nil
	}
}

// noRoom is the system's own word, which Pebble waits out.
func noRoom(what, name string) error { return fmt.Errorf("%s %s: %w", what, name, syscall.ENOSPC) }

// storeFile is an open file of a storeFS.
type storeFile struct {
	vfs.File
	disk *Disk
	name string
}

// Write implements vfs.File. What a store writes stands behind what is there.
func (f *storeFile) Write(b []byte) (int, error) {
	if f.disk.Full() {
		return 0, noRoom("write", f.name)
	}
	return f.File.Write(b)
}

// WriteAt implements vfs.File.
func (f *storeFile) WriteAt(b []byte, offset int64) (int, error) {
	if f.disk.Full() {
		is, err := f.Stat()
		if err != nil {
			return 0, err
		}
		if offset+int64(len(b)) > is.Size() {
			return 0, noRoom("write", f.name)
		}
	}
	return f.File.WriteAt(b, offset)
}

// Sync implements vfs.File.
func (f *storeFile) Sync() error {
	f.disk.wait()
	return f.File.Sync()
}

// SyncData implements vfs.File.
func (f *storeFile) SyncData() error {
	f.disk.wait()
	return f.File.SyncData()
}
