//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lock takes the file at path until it is closed; the system frees it when the
// process ends, however it ends. The file stays: removing it would let two processes
// hold two files of one name.
func lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrLocked
	}
	return nil, &fs.PathError{Op: "flock", Path: path, Err: err}
}
