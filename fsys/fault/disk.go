package fault

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/internal/filename"
)

var (
	// ErrCrashed says that the disk has stopped, or that a file was opened before
	// the last crash.
	ErrCrashed = errors.New("the disk has crashed")
	// ErrIO is what a Rule without an error of its own makes operations return.
	ErrIO = errors.New("input/output error")
)

// Disk is an fsys.FS in memory that can crash and misbehave. Any goroutine may use it.
type Disk struct {
	mu     sync.Mutex
	rng    *rand.Rand
	names  map[string]*inode // as a process sees them
	synced map[string]*inode // as they are on the disk
	naming []naming          // what leads from synced to names, unless a rule lost some
	inodes uint64            // how many were ever made
	life   int               // counts crashes: files of an earlier life are dead
	locked bool

	operations int  // how many that change something were begun
	limit      int  // the disk stops after that many; negative: never
	stopped    bool // it has
	capacity   int64
	rules      []*Injection
	watch      func(Operation)
}

// New makes an empty disk. All its chance comes from seed.
func New(seed uint64) *Disk {
	return &Disk{
		rng:    rand.New(rand.NewPCG(seed, 0x6661756c74)),
		names:  map[string]*inode{},
		synced: map[string]*inode{},
		limit:  -1, capacity: -1,
	}
}

// Watch makes the disk call f before each operation, on the goroutine that asked for
// it. f may take its time, which stalls that operation alone, and may use what is no
// operation (Image, StopAfter, Crash, FlipBit…). nil ends it.
func (d *Disk) Watch(f func(Operation)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch = f
}

// begin holds d.mu if and only if it returns no error. Then the operation must do what
// strike says.
func (d *Disk) begin(o Operation) (strike, error) {
	d.mu.Lock()
	if watch := d.watch; watch != nil {
		d.mu.Unlock()
		watch(o)
		d.mu.Lock()
	}
	if o.Op.changes() {
		if d.limit >= 0 && d.operations >= d.limit {
			d.stopped = true
		} else {
			d.operations++
		}
	}
	if d.stopped {
		d.mu.Unlock()
		return strike{}, &fs.PathError{Op: o.Op.String(), Path: o.File, Err: ErrCrashed}
	}
	for _, i := range d.rules {
		if i.strikes(o, d.rng) {
			return i.strike(), nil
		}
	}
	return strike{}, nil
}

// beginNaming is begin for an operation of the directory: one that a rule makes fail is
// over.
func (d *Disk) beginNaming(o Operation) (strike, error) {
	s, err := d.begin(o)
	if err == nil && s.err != nil {
		d.mu.Unlock()
		err = &fs.PathError{Op: o.Op.String(), Path: o.File, Err: s.err}
	}
	return s, err
}

// Create implements fsys.FS. It empties the file that is there, as a truncation.
func (d *Disk) Create(name string) (fsys.File, error) {
	if err := filename.Check(name); err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	s, err := d.beginNaming(Operation{Op: Create, File: name})
	if err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	i := d.names[name]
	if i == nil {
		d.inodes++
		i = &inode{id: d.inodes, name: name}
		d.rename(naming{op: Create, name: name, inode: i}, s.lost())
	} else {
		i.truncate(0, s.lost())
	}
	return &file{disk: d, inode: i, life: d.life}, nil
}

// Open implements fsys.FS.
func (d *Disk) Open(name string) (fsys.File, error) {
	if _, err := d.beginNaming(Operation{Op: Open, File: name}); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	i := d.names[name]
	if i == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{disk: d, inode: i, life: d.life}, nil
}

// Rename implements fsys.FS.
func (d *Disk) Rename(old, new string) error {
	if err := filename.Check(new); err != nil {
		return &fs.PathError{Op: "rename " + old + " to", Path: new, Err: err}
	}
	s, err := d.beginNaming(Operation{Op: Rename, File: old, To: new})
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	i := d.names[old]
	if i == nil {
		return &fs.PathError{Op: "rename", Path: old, Err: fs.ErrNotExist}
	}
	d.rename(naming{op: Rename, name: old, to: new}, s.lost())
	i.name = new
	return nil
}

// Remove implements fsys.FS.
func (d *Disk) Remove(name string) error {
	s, err := d.beginNaming(Operation{Op: Remove, File: name})
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	if d.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	d.rename(naming{op: Remove, name: name}, s.lost())
	return nil
}

// List implements fsys.FS.
func (d *Disk) List() ([]string, error) {
	if _, err := d.beginNaming(Operation{Op: List}); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names)), nil
}

// SyncDir implements fsys.FS.
func (d *Disk) SyncDir() error {
	s, err := d.begin(Operation{Op: SyncDir})
	if err != nil {
		return err
	}
	defer d.mu.Unlock()
	if s.lost() {
		return nil
	}
	durable := len(d.naming)
	if s.err != nil {
		durable = d.rng.IntN(durable + 1)
		err = &fs.PathError{Op: "syncdir", Path: ".", Err: s.err}
	}
	for _, n := range d.naming[:durable] {
		n.replay(d.synced)
	}
	d.naming = nil
	return err
}

// Lock implements fsys.FS. A crash frees it.
func (d *Disk) Lock() (io.Closer, error) {
	if _, err := d.beginNaming(Operation{Op: Lock}); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	if d.locked {
		return nil, &fs.PathError{Op: "lock", Path: ".", Err: fsys.ErrLocked}
	}
	d.locked = true
	return &diskLock{disk: d, life: d.life}, nil
}

type diskLock struct {
	disk *Disk
	life int
	once sync.Once
}

func (l *diskLock) Close() error {
	l.once.Do(func() {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		if l.life == l.disk.life {
			l.disk.locked = false
		}
	})
	return nil
}
