package fsys

import (
	"errors"
	"io"
	"io/fs"
)

// FS is one directory of files. Its methods may be called from any goroutine.
// Errors satisfy errors.Is with fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, and
// with ErrNoSpace and ErrLocked of this package; a file system that is mounted for
// reading only counts as fs.ErrPermission.
type FS interface {
	// Create makes an empty file, or empties the one that is there, open for
	// reading and writing.
	Create(name string) (File, error)
	// Open opens a file that is there for reading and writing.
	Open(name string) (File, error)
	// Rename gives a file another name and replaces what had that name, at once.
	Rename(old, new string) error
	// Remove deletes a file.
	Remove(name string) error
	// List returns the names of all files, in ascending order.
	List() ([]string, error)
	// SyncDir returns once creations, renames and removals before it are durable.
	SyncDir() error
	// Lock takes the directory for this process until the closer is closed, or
	// fails at once with ErrLocked.
	Lock() (io.Closer, error)
}

// File is an open file. ReadAt may be called beside everything else; the other
// methods have one caller at a time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync returns once the bytes written before it, and the size if they changed
	// it, are durable. It need not sync times and other metadata (fdatasync).
	Sync() error
	// Truncate sets the size.
	Truncate(size int64) error
	// Size is the file's present size in bytes.
	Size() (int64, error)
}

var (
	// ErrLocked says that another process holds the directory.
	ErrLocked = errors.New("directory is in use by another process")
	// ErrNotDirectory says that a path is, or leads through, something else.
	ErrNotDirectory = errors.New("not a directory")
	// ErrNoSpace says that the file system is full.
	ErrNoSpace = errors.New("no space left")
	// ErrDamaged says that a file does not hold what was durable in it.
	ErrDamaged = errors.New("damaged")
	// ErrNewerVersion says that a newer program wrote a file.
	ErrNewerVersion = errors.New("written by a newer version")
	// ErrNotExist is fs.ErrNotExist, at hand for users of this package.
	ErrNotExist = fs.ErrNotExist
)
