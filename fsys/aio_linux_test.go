package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

func openAIO(t *testing.T) *aio {
	t.Helper()
	s := newAIO()
	if s == nil {
		t.Skip("the kernel lets this process have no asynchronous I/O")
	}
	t.Cleanup(s.close)
	return s
}

func written(t *testing.T, text string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

// The kernel counts a file's syncs nowhere; that one was asked for and has ended is what
// the event says, which is there only then.
func TestASyncerSyncs(t *testing.T) {
	s, f := openAIO(t), written(t, "something")
	for range 100 {
		s.event = ioEvent{result: -1}
		taken, err := s.sync(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if !taken {
			t.Skip("the file system of the test directory, or a kernel before 4.18, does not sync in this way")
		}
		if s.event.result != 0 {
			t.Fatal("it returned before the kernel said that the sync has ended")
		}
	}
}

// They do not mix each other's ends up; and while the kernel is at it, no thread waits.
func TestSyncersWorkSideBySide(t *testing.T) {
	const files = 32
	openAIO(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	threads := pprof.Lookup("threadcreate").Count()
	var all sync.WaitGroup
	for range files {
		f := written(t, "something")
		all.Go(func() {
			for range 20 {
				if _, err := f.WriteAt([]byte("something else"), 0); err != nil {
					t.Error(err)
				}
				if err := syncFile(f); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(aios.free); n > files {
		t.Errorf("%d were made for %d files at a time", n, files)
	}
	if n := pprof.Lookup("threadcreate").Count() - threads; n > files/4 {
		t.Errorf("%d threads were started to sync %d files", n, files)
	}
}

func TestASyncMakesNoGarbage(t *testing.T) {
	s, f := openAIO(t), written(t, "something")
	fd := int(f.Fd())
	if n := testing.AllocsPerRun(100, func() { s.sync(fd) }); n > 0 {
		t.Errorf("%v allocations a sync", n)
	}
}

// A pipe cannot be synced in any way; the error is then that of the plain call.
func TestWhatASyncerCannotDoIsDoneThePlainWay(t *testing.T) {
	s := openAIO(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if taken, err := s.sync(int(w.Fd())); taken {
		t.Errorf("it says that it has synced a pipe: %v", err)
	}
	if err := syncFile(w); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("the sync of a pipe: %v, want EINVAL", err)
	}
}

func TestWithoutAsynchronousIOFilesAreSyncedThePlainWay(t *testing.T) {
	none, free := aios.none, aios.free
	aios.none, aios.free = true, nil
	defer func() { aios.none, aios.free = none, free }()
	if err := syncFile(written(t, "something")); err != nil {
		t.Error(err)
	}
	if len(aios.free) > 0 {
		t.Error("one was made all the same")
	}
}

// An error of the sync itself must come out: whoever took it for a success would
// acknowledge what is not on the disk.
func TestTheErrorOfASyncComesOut(t *testing.T) {
	failed := ioEvent{result: -int64(syscall.EIO)}
	if failed.errno() != syscall.EIO {
		t.Errorf("the kernel's %d is read as %v", failed.result, failed.errno())
	}
	const notOpen = 1 << 20
	if taken, err := openAIO(t).sync(notOpen); !taken || !errors.Is(err, syscall.EBADF) {
		t.Errorf("a file that is not open: taken %v, %v; want EBADF", taken, err)
	}
}

// The kernel reads requests by their layout (linux/aio_abi.h), and RWF_DSYNC at the wrong
// place would be no sync at all.
func TestRequestsAreLaidOutAsTheKernelReadsThem(t *testing.T) {
	var r iocb
	for name, at := range map[string][2]uintptr{
		"mode": {unsafe.Offsetof(r.mode), 12}, "opcode": {unsafe.Offsetof(r.opcode), 16}, "fd": {unsafe.Offsetof(r.fd), 20},
		"buf": {unsafe.Offsetof(r.buf), 24}, "size": {unsafe.Offsetof(r.size), 32}, "offset": {unsafe.Offsetof(r.offset), 40},
		"flags": {unsafe.Offsetof(r.flags), 56}, "resfd": {unsafe.Offsetof(r.resfd), 60}, "end": {unsafe.Sizeof(r), 64},
	} {
		if at[0] != at[1] {
			t.Errorf("%s is at %d, want %d", name, at[0], at[1])
		}
	}
}

// openDirect opens a file of two blocks for direct writes.
func openDirect(t *testing.T) *file {
	t.Helper()
	f := &file{f: written(t, string(make([]byte, 2*BlockSize)))}
	if !f.direct.open(f.f) {
		t.Skip("the file system of the test directory takes no direct writes")
	}
	t.Cleanup(func() { f.direct.close() })
	return f
}

func TestADirectWriteAsksForItsSync(t *testing.T) {
	a, f := openAIO(t), openDirect(t)
	p := Blocks(nil, BlockSize)[:BlockSize]
	for _, sync := range []bool{true, false, true} {
		n, taken, err := a.write(f.direct.fd, p, BlockSize, sync)
		if !taken || err != nil || n != BlockSize {
			t.Fatalf("%d bytes, taken %v: %v", n, taken, err)
		}
		if (a.request.mode == modeDsync) != sync {
			t.Errorf("with sync %v the kernel was asked for mode %d", sync, a.request.mode)
		}
	}
	if taken, err := a.sync(f.direct.fd); !taken || err != nil || a.request.mode != 0 {
		t.Errorf("a sync after writes: taken %v, mode %d: %v", taken, a.request.mode, err)
	}
}

func TestADirectWriteMakesNoGarbage(t *testing.T) {
	f := openDirect(t)
	p := Blocks(nil, BlockSize)[:BlockSize]
	if n := testing.AllocsPerRun(100, func() { f.WriteBlocks(p, 0, true) }); n > 0 {
		t.Errorf("%v allocations a write", n)
	}
}

func TestWhereDirectWritesAreRefusedBlocksAreWrittenThePlainWay(t *testing.T) {
	none, free := aios.none, aios.free
	aios.none, aios.free = true, nil
	defer func() { aios.none, aios.free = none, free }()
	f := openDirect(t)
	p := append(Blocks(nil, BlockSize), strings.Repeat("x", BlockSize)...)
	if err := f.WriteBlocks(p, BlockSize, true); err != nil {
		t.Fatal(err)
	}
	if f.direct.state != directRefused {
		t.Error("what was refused once will be asked for again")
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], 2*BlockSize-1); err != nil || last[0] != 'x' {
		t.Errorf("the file ends with %q: %v", last, err)
	}
}

func TestTheErrorOfADirectWriteComesOut(t *testing.T) {
	f := openDirect(t)
	p := Blocks(nil, BlockSize)[:BlockSize]
	if err := f.WriteBlocks(p, -BlockSize, true); err == nil {
		t.Error("a write before the file's beginning succeeds")
	}
	if err := f.WriteBlocks(p[:BlockSize/2], 0, true); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("half a block: %v, want fs.ErrInvalid", err)
	}
	const notOpen = 1 << 20
	if _, taken, err := openAIO(t).write(notOpen, p, 0, true); !taken || !errors.Is(err, syscall.EBADF) {
		t.Errorf("a file that is not open: taken %v, %v; want EBADF", taken, err)
	}
}
