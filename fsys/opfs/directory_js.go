package opfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/internal/filename"
)

// Supported says whether this browser, in this place, has what Open needs: a dedicated
// Worker of a page that was served over HTTPS or from this machine, and a window that is
// not private.
func Supported() bool {
	storage := js.Global().Get("navigator").Get("storage")
	handles := js.Global().Get("FileSystemSyncAccessHandle")
	return storage.Truthy() && storage.Get("getDirectory").Truthy() && handles.Truthy()
}

// Open opens the directory at a path of the origin private file system, and makes it and
// its parents if they are missing. It must be called in a dedicated Worker.
//
// Errors: ErrUnsupported, fs.ErrPermission, fsys.ErrNoSpace; fs.ErrInvalid about a name
// that a directory of a browser cannot have.
func Open(path ...string) (fsys.FS, error) {
	if !Supported() {
		return nil, ErrUnsupported
	}
	dir, err := await(js.Global().Get("navigator").Get("storage"), "getDirectory")
	if err != nil {
		return nil, fmt.Errorf("open the origin private file system: %w: %w", ErrUnsupported, err)
	}
	lock := "balsa"
	for _, name := range path {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
			return nil, fmt.Errorf("open directory %q in %s: %w: give each part of the path by itself, and none empty", name, lock, fs.ErrInvalid)
		}
		if dir, err = await(dir, "getDirectoryHandle", name, map[string]any{"create": true}); err != nil {
			return nil, about("open directory", name, err)
		}
		lock += "/" + name
	}
	return &directory{v: dir, lockName: lock}, nil
}

// directory keeps the names of numbered files. mu guards all fields but the first two,
// and is held while the browser is waited for.
type directory struct {
	v        js.Value
	lockName string

	mu      sync.Mutex
	handle  *handle // of the index; nil before the first use
	index   index
	changed bool // since the index was written
	nodes   map[uint64]*node
	doomed  []*node // have no name any more
}

// node is a numbered file that is open or has just lost its name.
type node struct {
	directory *directory
	number    uint64

	mu     sync.Mutex // held for a call of the handle
	handle *handle

	// What follows is guarded by directory.mu.
	open   int  // how many files have it open
	buried bool // the index on disk does not name it any more
}

const indexName = "index"

// How long another Worker, of a page that was reloaded, may take to end.
const (
	takeoverTime  = 3 * time.Second
	takeoverPause = 20 * time.Millisecond
)

// load reads the index before the first use.
func (d *directory) load() error {
	if d.handle != nil {
		return nil
	}
	h, err := openHandle(d.v, indexName, true)
	for end := time.Now().Add(takeoverTime); errors.Is(err, fsys.ErrLocked) && time.Now().Before(end); {
		time.Sleep(takeoverPause)
		h, err = openHandle(d.v, indexName, true)
	}
	if err != nil {
		return err
	}
	if err := d.read(h); err != nil {
		return errors.Join(err, h.close())
	}
	d.handle, d.nodes, d.doomed, d.changed = h, map[uint64]*node{}, nil, false
	return nil
}

func (d *directory) read(h *handle) error {
	b := make([]byte, 2*slotSize)
	n, err := h.readAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	files, err := d.files()
	if err != nil {
		return err
	}
	x, err := newerIndex(b[:n])
	switch {
	case err == errNoIndex && len(files) == 0:
		// A new directory, whose first index was never whole on disk. Both slots are
		// written before anything can depend on either.
		return d.format(h)
	case err == errNoIndex:
		return fmt.Errorf("%w: neither copy of the index of names is whole, and there are %d files", fsys.ErrDamaged, len(files))
	case err != nil:
		return err
	}
	d.index = x
	return d.sweep(files)
}

func (d *directory) format(h *handle) error {
	for sequence := range uint64(2) {
		d.index = index{sequence: sequence, next: 1, numbers: map[string]uint64{}}
		if err := write(h, d.index); err != nil {
			return err
		}
	}
	return nil
}

func write(h *handle, x index) error {
	b, err := x.append(nil)
	if err != nil {
		return err
	}
	if _, err := h.writeAt(b, slot(x.sequence)); err != nil {
		return err
	}
	return h.flush()
}

// files lists the numbered files that are there.
func (d *directory) files() (names []string, err error) {
	keys := d.v.Call("keys")
	for {
		next, err := await(keys, "next")
		if err != nil {
			return nil, err
		}
		if next.Get("done").Bool() {
			return names, nil
		}
		if name := next.Get("value").String(); name != indexName {
			names = append(names, name)
		}
	}
}

// sweep removes what a crash has left without a name, and says so if a file that has one
// is not there.
func (d *directory) sweep(files []string) error {
	named := map[string]string{}
	for name, number := range d.index.numbers {
		named[fileName(number)] = name
	}
	for _, file := range files {
		if _, ok := named[file]; !ok {
			if _, err := await(d.v, "removeEntry", file); err != nil {
				return err
			}
		}
		delete(named, file)
	}
	for _, name := range named {
		return about("open", name, fmt.Errorf("%w: the browser has lost the file", fsys.ErrDamaged))
	}
	return nil
}

func fileName(number uint64) string { return strconv.FormatUint(number, 10) }

func (d *directory) Create(name string) (fsys.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(name); err != nil {
		return nil, about("create", name, err)
	}
	number, there := d.index.numbers[name]
	if !there {
		number = d.index.next
	}
	n, err := d.open(number, !there)
	if err != nil {
		return nil, about("create", name, err)
	}
	if err := n.truncate(); err != nil {
		return nil, about("create", name, errors.Join(err, d.release(n)))
	}
	if !there {
		d.index.next++
		d.index.numbers[name] = number
		d.changed = true
	}
	return &file{name: name, node: n}, nil
}

func (d *directory) Open(name string) (fsys.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(name); err != nil {
		return nil, about("open", name, err)
	}
	number, there := d.index.numbers[name]
	if !there {
		return nil, about("open", name, fs.ErrNotExist)
	}
	n, err := d.open(number, false)
	if err != nil {
		return nil, about("open", name, err)
	}
	return &file{name: name, node: n}, nil
}

func (d *directory) ready(name string) error {
	if err := filename.Check(name); err != nil {
		return err
	}
	return d.load()
}

func (d *directory) open(number uint64, create bool) (*node, error) {
	n := d.nodes[number]
	if n == nil {
		h, err := openHandle(d.v, fileName(number), create)
		if err != nil {
			return nil, err
		}
		n = &node{directory: d, number: number, handle: h}
		d.nodes[number] = n
	}
	n.open++
	return n, nil
}

func (n *node) truncate() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handle.truncate(0)
}

// closed lets go of a file that was open.
func (d *directory) closed(n *node) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.release(n)
	d.bury()
	return err
}

func (d *directory) release(n *node) error {
	if n.open--; n.open > 0 {
		return nil
	}
	if d.nodes[n.number] == n {
		delete(d.nodes, n.number)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handle.close()
}

func (d *directory) Rename(old, new string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := errors.Join(filename.Check(old), d.ready(new)); err != nil {
		return about("rename "+old+" to", new, err)
	}
	number, there := d.index.numbers[old]
	switch {
	case !there:
		return about("rename", old, fs.ErrNotExist)
	case old == new:
		return nil
	}
	d.unname(new)
	delete(d.index.numbers, old)
	d.index.numbers[new] = number
	d.changed = true
	return nil
}

func (d *directory) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(name); err != nil {
		return about("remove", name, err)
	}
	if _, there := d.index.numbers[name]; !there {
		return about("remove", name, fs.ErrNotExist)
	}
	d.unname(name)
	return nil
}

// unname takes a name away from its file, which goes once the index on disk does not
// name it any more and nobody has it open.
func (d *directory) unname(name string) {
	number, there := d.index.numbers[name]
	if !there {
		return
	}
	delete(d.index.numbers, name)
	n := d.nodes[number]
	if n == nil {
		n = &node{directory: d, number: number}
	}
	d.doomed = append(d.doomed, n)
	d.changed = true
}

// bury removes the files that nobody needs. One that stays is swept away when the
// directory is opened the next time.
func (d *directory) bury() {
	d.doomed = slices.DeleteFunc(d.doomed, func(n *node) bool {
		if !n.buried || n.open > 0 {
			return false
		}
		_, _ = await(d.v, "removeEntry", fileName(n.number))
		return true
	})
}

func (d *directory) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return nil, about("list", d.lockName, err)
	}
	return slices.Sorted(maps.Keys(d.index.numbers)), nil
}

func (d *directory) SyncDir() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return about("sync", d.lockName, err)
	}
	return about("sync", d.lockName, d.sync())
}

func (d *directory) sync() error {
	if !d.changed {
		return nil
	}
	d.index.sequence++
	if err := write(d.handle, d.index); err != nil {
		return err
	}
	d.changed = false
	for _, n := range d.doomed {
		n.buried = true
	}
	d.bury()
	return nil
}

// unload writes what has changed and lets go of the index.
func (d *directory) unload() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handle == nil {
		return nil
	}
	err := errors.Join(d.sync(), d.handle.close())
	d.handle = nil
	return err
}
