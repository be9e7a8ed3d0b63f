package fsys

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unsafe"
)

// direct is a file's second descriptor, for writes past the page cache (O_DIRECT). These
// begin at once, where a sync of the cache first has to look for what is dirty; the
// processor does not copy them; and nothing piles up that a sync would wait for.
//
// Reads go on through the page cache, of which the kernel drops what was written past it.
// It is not for two goroutines at a time.
type direct struct {
	fd    int
	state directState
}

type directState uint8

const (
	directUntried directState = iota
	directOpen
	directRefused
)

// littleEndian is where iocb is laid out as it says.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// open says whether f can be written to in this way.
func (d *direct) open(f *os.File) bool {
	if d.state == directUntried {
		d.state = directRefused
		if fd, err := reopen(f, syscall.O_WRONLY|syscall.O_DIRECT|syscall.O_CLOEXEC); err == nil && littleEndian {
			d.fd, d.state = fd, directOpen
		}
	}
	return d.state == directOpen
}

// reopen opens the very file that f is, whatever its name is by now.
func reopen(f *os.File, flags int) (fd int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := conn.Control(func(own uintptr) {
		fd, err = syscall.Open(fmt.Sprintf("/proc/self/fd/%d", own), flags, 0)
	})
	if failed != nil {
		return 0, failed
	}
	return fd, err
}

func (d *direct) close() (err error) {
	if d.state == directOpen {
		err = syscall.Close(d.fd)
	}
	d.state = directRefused
	return err
}

// WriteBlocks implements BlockWriter.
func (f *file) WriteBlocks(p []byte, off int64, sync bool) error {
	if !inBlocks(p, off) {
		return &fs.PathError{Op: "write blocks", Path: f.f.Name(), Err: fs.ErrInvalid}
	}
	for f.direct.open(f.f) && len(p) > 0 {
		n, taken, err := f.writeDirect(p, off, sync)
		switch {
		case !taken:
			f.direct.close() // what cannot be done once is not tried again
		case err != nil:
			return named(&fs.PathError{Op: "direct write", Path: f.f.Name(), Err: err})
		case n == 0 || n%BlockSize != 0:
			return &fs.PathError{Op: "direct write", Path: f.f.Name(), Err: io.ErrShortWrite}
		}
		p, off = p[n:], off+int64(n)
	}
	if len(p) == 0 {
		return nil
	}
	if _, err := f.WriteAt(p, off); err != nil || !sync {
		return err
	}
	return f.Sync()
}

func (f *file) writeDirect(p []byte, off int64, sync bool) (n int, taken bool, err error) {
	a := aios.get()
	if a == nil {
		return 0, false, nil
	}
	defer aios.put(a)
	return a.write(f.direct.fd, p, off, sync)
}

// inBlocks says whether p, to be written at off, is made of whole blocks.
func inBlocks(p []byte, off int64) bool {
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p))))
	return (at|uint64(len(p))|uint64(off))%BlockSize == 0
}
