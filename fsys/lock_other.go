//go:build !darwin && !dragonfly && !freebsd && !illumos && !linux && !netbsd && !openbsd && !windows && !js

package fsys

import (
	"errors"
	"io"
	"io/fs"
)

// lock fails: without it two processes could use one directory unnoticed.
func lock(path string) (io.Closer, error) {
	return nil, &fs.PathError{Op: "lock", Path: path, Err: errors.ErrUnsupported}
}
