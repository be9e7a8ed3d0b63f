package opfs

import (
	"io"
	"io/fs"
	"runtime"
	"syscall/js"

	"github.com/balsaraft/balsa/fsys"
)

// handle is a sync access handle. Its methods are plain calls that nothing in this
// process can come between.
type handle struct {
	v       js.Value
	scratch js.Value // where bytes pass between the two memories
	size    int      // of scratch
	at      js.Value // the options of a read or a write
}

const (
	leastScratch = 16 << 10
	mostScratch  = 1 << 20
)

var uint8Array = js.Global().Get("Uint8Array")

func openHandle(directory js.Value, name string, create bool) (*handle, error) {
	file, err := await(directory, "getFileHandle", name, map[string]any{"create": create})
	if err != nil {
		return nil, err
	}
	v, err := await(file, "createSyncAccessHandle")
	if err != nil {
		return nil, err
	}
	return &handle{v: v, at: js.Global().Get("Object").New()}, nil
}

// room is memory of JavaScript's for n bytes, or as many as pass at once.
func (h *handle) room(n int) (js.Value, int) {
	n = min(n, mostScratch)
	if n > h.size {
		h.size = max(leastScratch, n)
		h.scratch = uint8Array.New(h.size)
	}
	if n == h.size {
		return h.scratch, n
	}
	return h.scratch.Call("subarray", 0, n), n
}

func (h *handle) readAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		room, size := h.room(len(p) - n)
		h.at.Set("at", float64(off)+float64(n))
		got, err := call(h.v, "read", room, h.at)
		if err != nil {
			return n, err
		}
		if got.Int() == 0 {
			return n, io.EOF
		}
		n += js.CopyBytesToGo(p[n:n+min(size, got.Int())], room)
	}
	return n, nil
}

func (h *handle) writeAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		room, size := h.room(len(p) - n)
		js.CopyBytesToJS(room, p[n:n+size])
		h.at.Set("at", float64(off)+float64(n))
		wrote, err := call(h.v, "write", room, h.at)
		if err != nil {
			return n, err
		}
		n += wrote.Int()
		if wrote.Int() < size {
			// A browser that is short of room may take a part without a word.
			return n, fsys.ErrNoSpace
		}
	}
	return n, nil
}

func (h *handle) truncate(size int64) error {
	_, err := call(h.v, "truncate", float64(size))
	return err
}

func (h *handle) length() (int64, error) {
	size, err := call(h.v, "getSize")
	if err != nil {
		return 0, err
	}
	return int64(size.Float()), nil
}

func (h *handle) flush() error {
	_, err := call(h.v, "flush")
	return err
}

func (h *handle) close() error {
	_, err := call(h.v, "close")
	return err
}

// file is an open file. Those of one numbered file share its handle, of which a browser
// gives out but one.
type file struct {
	name   string
	node   *node
	closed bool // guarded by node.mu
}

func (f *file) do(op string, off int64, do func(h *handle) error) error {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	switch {
	case f.closed:
		return about(op, f.name, fs.ErrClosed)
	case off < 0:
		return about(op, f.name, fs.ErrInvalid)
	}
	err := do(f.node.handle)
	if err == io.EOF {
		return err
	}
	return about(op, f.name, err)
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.do("read", off, func(h *handle) (err error) {
		n, err = h.readAt(p, off)
		return err
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.do("write", off, func(h *handle) (err error) {
		n, err = h.writeAt(p, off)
		return err
	})
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.do("truncate", size, func(h *handle) error { return h.truncate(size) })
}

func (f *file) Size() (size int64, err error) {
	err = f.do("stat", 0, func(h *handle) (err error) {
		size, err = h.length()
		return err
	})
	return size, err
}

// Sync lets all else run first that could: nothing does while the browser flushes, and what
// is ready now, such as what is to be sent to another member, somebody waits for.
func (f *file) Sync() error {
	runtime.Gosched()
	return f.do("sync", 0, func(h *handle) error { return h.flush() })
}

func (f *file) Close() error {
	f.node.mu.Lock()
	closed := f.closed
	f.closed = true
	f.node.mu.Unlock()
	if closed {
		return about("close", f.name, fs.ErrClosed)
	}
	return f.node.directory.closed(f.node)
}
