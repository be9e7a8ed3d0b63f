//go:build !js

package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/balsaraft/balsa/fsys/internal/filename"
)

// Dir is the directory at path of the operating system. It is made, with its parents,
// if it is missing, readable for this user alone; it is durable when Dir returns.
// Taking the directory with Lock keeps a file named LOCK in it, and shows at once
// whether the directory may be written to.
//
// Errors name the directory; among them are ErrNotDirectory, fs.ErrPermission and
// ErrNoSpace. Nothing is asked of the file system below but files, renaming and syncing:
// one without fallocate will do.
func Dir(path string) (FS, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	if err := makeDir(absolute); err != nil {
		return nil, fmt.Errorf("open directory %s: %w", absolute, explained(err))
	}
	if err := readable(absolute); err != nil {
		return nil, fmt.Errorf("open directory %s: %w", absolute, explained(err))
	}
	return dir(absolute), nil
}

// makeDir makes what is missing of path, each in a parent that is durable already.
func makeDir(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is a file, %w", path, ErrNotDirectory)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		return err
	}
	parent := filepath.Dir(path)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// readable says whether the directory may be listed and files in it be reached.
func readable(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	_, err = os.Lstat(filepath.Join(path, filename.Lock))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// dir is an absolute path.
type dir string

func (d dir) path(name string) (string, error) {
	return filepath.Join(string(d), name), filename.Check(name)
}

func (d dir) Create(name string) (File, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (d dir) Open(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d dir) open(name string, flag int) (File, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, named(err)
	}
	return &file{f: f}, nil
}

func (d dir) Rename(old, new string) error {
	oldPath, err := d.path(old)
	if err != nil {
		return err
	}
	newPath, err := d.path(new)
	if err != nil {
		return err
	}
	return named(os.Rename(oldPath, newPath))
}

func (d dir) Remove(name string) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	return named(os.Remove(path))
}

func (d dir) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, named(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && e.Name() != filename.Lock {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (d dir) SyncDir() error { return named(syncDir(string(d))) }

func (d dir) Lock() (io.Closer, error) {
	c, err := lock(filepath.Join(string(d), filename.Lock))
	if err != nil {
		return nil, fmt.Errorf("lock directory %s: %w", string(d), explained(err))
	}
	return c, nil
}

// file keeps the system's file out of sight, so that nobody relies on more of it than
// File promises.
type file struct {
	f      *os.File
	direct direct
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	if err == io.EOF {
		return n, io.EOF
	}
	return n, named(err)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	return n, named(err)
}

func (f *file) Truncate(size int64) error { return named(f.f.Truncate(size)) }
func (f *file) Sync() error               { return named(syncFile(f.f)) }
func (f *file) Close() error              { return named(errors.Join(f.direct.close(), f.f.Close())) }

func (f *file) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, named(err)
	}
	return info.Size(), nil
}

// named adds the name that FS promises to an error that the system has another one for.
// The system's errors say already what was done to which file.
func named(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	case isReadOnly(err):
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	return err
}

// explained adds to an error about the directory as a whole what to do about it.
func explained(err error) error {
	err = named(err)
	switch {
	case errors.Is(err, ErrNoSpace):
		return fmt.Errorf("%w; make room on that file system, or choose a directory on another", err)
	case isReadOnly(err):
		return fmt.Errorf("%w; mount that file system writable, or choose a directory on another", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the user who runs this program read and write the directory, or choose another", err)
	case errors.Is(err, ErrLocked):
		return fmt.Errorf("%w; stop that one, or choose another directory", err)
	}
	return err
}
