//go:build !js

package fsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/balsaraft/balsa/fsys/internal/filename"
)

// Dir is the directory at path of the operating system. It is made, with its parents,
// if it is missing, readable for this user alone; it is durable when Dir returns.
// Taking the directory with Lock keeps a file named LOCK in it.
func Dir(path string) (FS, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, err)
	}
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("open directory %s: %w", path, named(err))
	}
	return dir(path), nil
}

// makeDir makes what is missing of path, each in a parent that is durable already.
func makeDir(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return errors.New("it is a file")
	case !errors.Is(err, fs.ErrNotExist):
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
	return file{f}, nil
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
		return nil, fmt.Errorf("lock directory %s: %w", string(d), named(err))
	}
	return c, nil
}

// file keeps the system's file out of sight, so that nobody relies on more of it than
// File promises.
type file struct{ f *os.File }

func (f file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	if err == io.EOF {
		return n, io.EOF
	}
	return n, named(err)
}

func (f file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	return n, named(err)
}

func (f file) Truncate(size int64) error { return named(f.f.Truncate(size)) }
func (f file) Sync() error               { return named(syncFile(f.f)) }
func (f file) Close() error              { return named(f.f.Close()) }

func (f file) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, named(err)
	}
	return info.Size(), nil
}

// named adds this package's name to an error that the system has another one for.
// The system's errors say already what was done to which file.
func named(err error) error {
	if err != nil && isFull(err) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
