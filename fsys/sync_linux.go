package fsys

import (
	"io/fs"
	"os"
	"syscall"
)

// syncFile leaves out the times (fdatasync): over blocks that were written before, it
// then writes data alone and no metadata.
func syncFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		// Only an interrupted call may be repeated: after any other error the
		// kernel may have dropped the data and would report success.
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			failed = syscall.Fdatasync(int(fd))
		}
	})
	if err != nil { // Control's only one
		failed = fs.ErrClosed
	}
	if failed != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return nil
}
