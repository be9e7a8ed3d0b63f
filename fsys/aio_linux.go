package fsys

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// An aio has the kernel do one thing after the other to files without keeping a thread: it
// syncs them, or writes to them past the page cache (Linux's asynchronous I/O), and tells an
// eventfd once it has. Who waits is parked in Go's poller, like a reader of a socket.
//
// A system call that blocks keeps its slot of the scheduler until a watchdog takes that
// away, 20 µs to 10 ms later. With as many syncs under way as there are slots, which a few
// members on a small machine have most of the time, nothing else runs until then: not the
// goroutine that would read what other members have sent, nor the one that would answer.
//
// It has one user at a time.
type aio struct {
	context   uintptr // aio_context_t
	ready     *os.File
	waiting   syscall.RawConn // of ready
	step      func(uintptr) bool
	request   iocb
	submitted bool
	event     ioEvent
	failed    syscall.Errno // of the request or of what was asked for
}

// iocb is struct iocb of linux/aio_abi.h. What has no name is not needed here. On a
// big-endian machine the kernel finds the two halves of the third field the other way
// round: there mode must stay 0.
type iocb struct {
	_         uint64
	_, mode   uint32
	opcode    uint16
	_         int16
	fd        uint32
	buf, size uint64
	offset    int64
	_         uint64
	flags     uint32
	resfd     uint32 // where the end is told
}

// ioEvent is struct io_event of linux/aio_abi.h.
type ioEvent struct {
	_, _   uint64
	result int64 // a count of bytes, or an error's number below 0
	_      int64
}

const (
	opcodeWrite     = 1 // IOCB_CMD_PWRITE
	opcodeFdatasync = 3 // IOCB_CMD_FDSYNC, Linux 4.18
	flagResfd       = 1 // IOCB_FLAG_RESFD
	modeDsync       = 2 // RWF_DSYNC
	nonblock        = syscall.O_NONBLOCK | syscall.O_CLOEXEC
)

// newAIO is nil where the kernel, or what it lets this process do, has no such thing.
func newAIO() *aio {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, nonblock, 0)
	if errno != 0 {
		return nil
	}
	a := &aio{ready: os.NewFile(fd, "eventfd")}
	_, _, errno = syscall.RawSyscall(syscall.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&a.context)), 0)
	// Only what is in the poller can have a deadline.
	if errno != 0 || a.ready.SetReadDeadline(time.Time{}) != nil {
		a.close()
		return nil
	}
	waiting, err := a.ready.SyscallConn()
	if err != nil {
		a.close()
		return nil
	}
	a.waiting, a.step = waiting, a.proceed
	a.request = iocb{flags: flagResfd, resfd: uint32(fd)}
	return a
}

func (a *aio) close() {
	if a.context != 0 {
		syscall.Syscall(syscall.SYS_IO_DESTROY, a.context, 0, 0)
	}
	a.ready.Close()
}

// sync is fdatasync. It says taken false, and nothing has happened, if the kernel does not
// sync this file, or no more files at the moment, in this way.
func (a *aio) sync(fd int) (taken bool, err error) {
	a.request.opcode, a.request.fd = opcodeFdatasync, uint32(fd)
	a.request.mode, a.request.buf, a.request.size, a.request.offset = 0, 0, 0, 0
	if err := a.do(); err != nil {
		return a.submitted, err
	}
	if a.failed == 0 {
		return true, nil
	}
	return a.submitted || !notThisWay(a.failed), a.failed
}

// write is pwrite to a file that is open for direct writes, and if asked to, fdatasync of
// what it writes. It says taken false if the kernel does not write so to this file, and then
// the file may be written to in any other way.
func (a *aio) write(fd int, p []byte, off int64, sync bool) (n int, taken bool, err error) {
	a.request.opcode, a.request.fd, a.request.mode = opcodeWrite, uint32(fd), 0
	a.request.buf, a.request.size, a.request.offset = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p)))), uint64(len(p)), off
	if sync {
		a.request.mode = modeDsync
	}
	err = a.do()
	runtime.KeepAlive(p)
	switch {
	case err != nil:
		return 0, a.submitted, err
	case a.failed == 0:
		return int(a.event.result), true, nil
	}
	return 0, !notThisWay(a.failed), a.failed
}

// do asks the kernel for the request and waits for its end, which is in failed and event.
func (a *aio) do() error {
	a.submitted, a.failed = false, 0
	return a.waiting.Read(a.step)
}

// notThisWay says whether a refused request is one that another system call may still
// grant: the file system knows no such request, the kernel has no room for one more, or
// a filter forbids the call.
func notThisWay(e syscall.Errno) bool {
	switch e {
	case syscall.EINVAL, syscall.EAGAIN, syscall.ENOSYS, syscall.EPERM, syscall.EOPNOTSUPP:
		return true
	}
	return false
}

// proceed takes the next step, and says whether it was the last: it is called at first,
// and each time that the poller has heard something. Whatever the kernel says between the
// first call and the wait after it, the poller keeps.
func (a *aio) proceed(uintptr) (done bool) {
	if !a.submitted {
		requests := [1]*iocb{&a.request}
		for a.failed = syscall.EINTR; a.failed == syscall.EINTR; {
			_, _, a.failed = syscall.Syscall(syscall.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&requests)))
		}
		a.submitted = a.failed == 0
		return !a.submitted
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_IO_GETEVENTS, a.context, 0, 1, uintptr(unsafe.Pointer(&a.event)), 0, 0)
	switch {
	case errno == syscall.EINTR || errno == 0 && n == 0:
		return false
	case errno != 0:
		a.failed = errno
	default:
		a.failed = a.event.errno()
	}
	return true
}

func (e *ioEvent) errno() syscall.Errno { return syscall.Errno(max(0, -e.result)) }

// aios are those of the process, as many as were ever busy at a time. They stay: the
// kernel takes milliseconds to take one down.
var aios aioPool

type aioPool struct {
	mu   sync.Mutex
	free []*aio
	none bool // the kernel has none
}

// get is nil if there is none to be had.
func (p *aioPool) get() *aio {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		a := p.free[n-1]
		p.free = p.free[:n-1]
		return a
	}
	if p.none {
		return nil
	}
	a := newAIO()
	p.none = a == nil
	return a
}

func (p *aioPool) put(a *aio) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, a)
}
