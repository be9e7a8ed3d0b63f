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
	err = conn.Control(func(fd uintptr) { failed = fdatasync(int(fd)) })
	if err != nil { // Control's only one
		failed = fs.ErrClosed
	}
	if failed != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return nil
}

// fdatasync waits for the disk in the poller where the kernel can do that, and in a
// system call where not.
func fdatasync(fd int) error {
	if a := aios.get(); a != nil {
		defer aios.put(a)
		if taken, err := a.sync(fd); taken {
			return err
		}
	}
	return blockingSync(fd)
}

// blockingSync keeps a thread, and a slot of Go's scheduler until the scheduler notices.
func blockingSync(fd int) error {
	for {
		// Only an interrupted call may be repeated: after any other error the
		// kernel may have dropped the data and would report success.
		if err := syscall.Fdatasync(fd); err != syscall.EINTR {
			return err
		}
	}
}
