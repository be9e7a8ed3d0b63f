package kv

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/fsys"
)

// Options are what an opener may choose. The zero value has the defaults. They say
// nothing about the state, so members may differ in them.
type Options struct {
	// CacheBytes is for blocks of the store that were read lately. Default 64 MiB.
	CacheBytes int64
	// RecentBytes is for keys that were changed lately, each by itself: to change one
	// again is half the work. Default 32 MiB, of which no more is taken than is used.
	RecentBytes int
	// MemoryBytes is how much is applied until it is written to the disk. What is not
	// is applied again from the log after a restart. Up to four times as much is held
	// when the disk does not keep up. Default 32 MiB.
	MemoryBytes uint64
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
	// Fatal is told that the store cannot go on, such as when a sync has failed; the next
	// start recovers what is really on the disk. It ends the process, and must not return.
	// Default: panic, on a goroutine that nobody can recover.
	Fatal func(error)
	// Disk stands between the store and its files, such as one that fails on command.
	// Default: nothing.
	Disk Disk
}

// Disk makes of one file system another.
type Disk = func(vfs.FS) vfs.FS

// Dir is where the store of a member that lives in dir belongs: a directory inside, of
// which the log takes no notice, and which goes where the log goes.
func Dir(dir string) string { return filepath.Join(dir, "kv") }

// Open opens the store in a directory, which is made if it is missing. One process has
// it at a time.
//
// The store is made of the log and its snapshots, and can be made of them again: one
// that is damaged is emptied, which Options.Logger gets to know, and the node that it
// is given to fills it.
func Open(dir string, o Options) (*Machine, error) {
	parent, name := filepath.Split(filepath.Clean(dir))
	if _, err := fsys.Dir(filepath.Join(cmp.Or(parent, "."), name)); err != nil {
		return nil, err
	}
	files := vfs.Default
	if o.Disk != nil {
		files = o.Disk(files)
	}
	return open(files, dir, o)
}

// NewMachine makes an empty store in memory, which is gone with the process. Nothing
// is lost if it is never closed.
func NewMachine() *Machine {
	m, err := open(vfs.NewMem(), "kv", Options{CacheBytes: 1 << 20, RecentBytes: 1 << 20, MemoryBytes: 4 << 20})
	if err != nil {
		panic(fmt.Sprintf("kv: a store in memory: %v", err))
	}
	return m
}

func open(files vfs.FS, dir string, o Options) (*Machine, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	at := place{fs: files, dir: dir, full: &full{}}
	if err := at.emptyIfCondemned(o.Logger); err != nil {
		return nil, err
	}
	m, err := openAt(at, o)
	if err != nil && (pebble.IsCorruptionError(err) || errors.Is(err, ErrDamaged)) {
		at.condemn(o.Logger, err)
		if err := at.emptyIfCondemned(o.Logger); err != nil {
			return nil, err
		}
		m, err = openAt(at, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open the store in %s: %w", dir, explained(err))
	}
	return m, nil
}

func openAt(at place, o Options) (*Machine, error) {
	cache := pebble.NewCache(cmp.Or(o.CacheBytes, 64<<20))
	defer cache.Unref()
	m := &Machine{files: at, log: o.Logger, bound: bound{MaxHistory, MaxHistoryBytes}, pins: map[*pin]bool{}, trouble: make(chan error, 1)}
	m.recent = newRecent(cmp.Or(o.RecentBytes, 32<<20))
	m.draft.m = m
	if err := at.removeRestores(); err != nil {
		return nil, err
	}
	m.options = &pebble.Options{
		FS:    vfs.OnDiskFull(at.fs, func() { at.full.wait(at, o.Logger) }),
		Cache: cache,
		// The Raft log is the log: what a crash takes from memory is applied again.
		DisableWAL:                  true,
		MemTableSize:                cmp.Or(o.MemoryBytes, 32<<20),
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		// Fixed, so that a newer Pebble does not make the files unreadable for this one.
		FormatMajorVersion: pebble.FormatValueSeparation,
		Levels:             levels(),
		Logger:             pebbleLog{o.Logger, &m.opening, o.Fatal},
		EventListener: &pebble.EventListener{
			BackgroundError: m.meet,
			DataCorruption:  func(info pebble.DataCorruptionInfo) { at.condemn(o.Logger, errors.New(info.String())) },
		},
	}
	m.options.Experimental.CompactionScheduler = &compactions{}
	m.options.EnsureDefaults()
	if err := m.openPebble(); err != nil {
		return nil, err
	}
	if err := m.load(); err != nil {
		return nil, errors.Join(err, m.db.Close())
	}
	at.full.open.Store(true)
	return m, nil
}

// meet hears of errors of work in the background, which Pebble does again.
func (m *Machine) meet(err error) {
	m.log.Warn("the store works in the background, and meets an error", "error", err)
	select {
	case m.trouble <- err:
	default:
	}
}

// openPebble opens the files. What Pebble calls fatal is an error here, such as a full
// disk: nobody relies on the store yet.
func (m *Machine) openPebble() (err error) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case fatal:
			err = value.error
		default:
			panic(value)
		}
	}()
	m.opening.Store(true)
	defer m.opening.Store(false)
	m.db, err = pebble.Open(m.files.dir, m.options)
	return err
}

// levels have bloom filters, since most keys that are set were not there before.
func levels() (all [7]pebble.LevelOptions) {
	for i := range all {
		all[i].FilterPolicy = bloom.FilterPolicy(10)
		all[i].FilterType = pebble.TableFilter
	}
	return all
}

// explained names what an error of the store's means, in the library's terms.
func explained(err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES) && err.Error() == "resource temporarily unavailable", err.Error() == "lock held by current process":
		return fmt.Errorf("%w: %w; stop that one, or choose another directory", err, balsa.ErrLocked)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w; make room on that file system, or choose a directory on another", fsys.ErrNoSpace, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the user who runs this program read and write the directory, or choose another", err)
	}
	return err
}

// place is where the store's files are.
type place struct {
	fs   vfs.FS
	dir  string
	full *full
}

// condemned is a file that says that the store is damaged and must be emptied before it
// is used again.
const condemned = "DAMAGED"

func (p place) path(name string) string { return p.fs.PathJoin(p.dir, name) }

// condemn makes the next opening empty the store. That is best effort: whoever does not
// find the mark finds the damage again.
func (p place) condemn(log *slog.Logger, why error) {
	log.Error("the store is damaged; the next start empties it and fills it from the snapshots and the log", "dir", p.dir, "error", why)
	f, err := p.fs.Create(p.path(condemned), vfs.WriteCategoryUnspecified)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		log.Error("the damaged store could not be marked", "error", err)
	}
}

func (p place) emptyIfCondemned(log *slog.Logger) error {
	if _, err := p.fs.Stat(p.path(condemned)); err != nil {
		return nil // it is missing, or what opens the store says what is wrong
	}
	log.Error("the store was damaged; it is emptied, and filled from the snapshots and the log", "dir", p.dir)
	names, err := p.fs.List(p.dir)
	if err != nil {
		return fmt.Errorf("empty the damaged store in %s: %w", p.dir, err)
	}
	// The mark goes last, so that a crash leaves it to say that more is to go.
	for _, name := range names {
		if name != condemned {
			if err := p.fs.RemoveAll(p.path(name)); err != nil {
				return fmt.Errorf("empty the damaged store in %s: %w", p.dir, err)
			}
		}
	}
	if err := p.fs.Remove(p.path(condemned)); err != nil {
		return fmt.Errorf("empty the damaged store in %s: %w", p.dir, err)
	}
	return nil
}

// full waits on a full disk until there is room, while the store is open. Meanwhile what
// is applied stays in memory, and when that is used up, Apply waits; nothing is lost or
// given up. Opening and closing rather fail.
type full struct{ open atomic.Bool }

// roomPause is how long it waits between looks.
const roomPause = 200 * time.Millisecond

func (f *full) wait(at place, log *slog.Logger) {
	if f.open.Load() {
		log.Warn("the disk is full; the store waits for room", "dir", at.dir)
	}
	for f.open.Load() && !at.hasRoom() {
		time.Sleep(roomPause)
	}
}

// hasRoom tries whether some blocks can be written.
func (p place) hasRoom() bool {
	const enough = 256 << 10
	name := p.path("room.tmp")
	f, err := p.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return false
	}
	_, err = f.Write(make([]byte, enough))
	err = errors.Join(err, f.Sync(), f.Close(), p.fs.Remove(name))
	return err == nil
}

// pebbleLog passes on what Pebble says.
type pebbleLog struct {
	log     *slog.Logger
	opening *atomic.Bool
	fatal   func(error)
}

func (l pebbleLog) Infof(format string, args ...any) {
	l.log.Debug("store: " + fmt.Sprintf(format, args...))
}

func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Error("store: " + fmt.Sprintf(format, args...))
}

// Fatalf is called where Pebble cannot go on, such as when the file that lists all
// others cannot be synced, and must not return.
func (l pebbleLog) Fatalf(format string, args ...any) {
	why := fmt.Errorf("the store cannot go on: %s", fmt.Sprintf(format, args...))
	for _, arg := range args {
		if cause, ok := arg.(error); ok {
			why = fmt.Errorf("the store cannot go on: %w", cause)
		}
	}
	if l.fatal != nil && !l.opening.Load() {
		l.fatal(why)
	}
	panic(fatal{why})
}

// fatal is what Fatalf panics with.
type fatal struct{ error }
