package fsys

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/balsaraft/balsa/fsys/internal/filename"
	"github.com/balsaraft/balsa/fsys/internal/sparse"
)

// NewMemory makes an empty file system that lives and dies with the process. Nothing
// there is ever durable: Sync and SyncDir return at once. It takes no memory for
// stretches of zeros.
func NewMemory() FS { return &memory{files: map[string]*memoryContent{}} }

type memory struct {
	mu     sync.Mutex
	files  map[string]*memoryContent
	locked bool
}

// memoryContent outlives its name while it is open, as a file on a disk does.
type memoryContent struct {
	mu    sync.RWMutex
	bytes sparse.Bytes
}

func (m *memory) Create(name string) (File, error) {
	if err := filename.Check(name); err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.files[name]
	if c == nil {
		c = &memoryContent{}
		m.files[name] = c
	}
	c.mu.Lock()
	c.bytes.Truncate(0)
	c.mu.Unlock()
	return &memoryFile{name: name, content: c}, nil
}

func (m *memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.files[name]
	if c == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{name: name, content: c}, nil
}

func (m *memory) Rename(old, new string) error {
	if err := filename.Check(new); err != nil {
		return &fs.PathError{Op: "rename " + old + " to", Path: new, Err: err}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.files[old]
	if c == nil {
		return &fs.PathError{Op: "rename", Path: old, Err: fs.ErrNotExist}
	}
	delete(m.files, old)
	m.files[new] = c
	return nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.files, name)
	return nil
}

func (m *memory) List() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.files)), nil
}

func (m *memory) SyncDir() error { return nil }

func (m *memory) Lock() (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, fmt.Errorf("lock the directory in memory: %w", ErrLocked)
	}
	m.locked = true
	return &memoryLock{memory: m}, nil
}

type memoryLock struct {
	memory *memory
	once   sync.Once
}

func (l *memoryLock) Close() error {
	l.once.Do(func() {
		l.memory.mu.Lock()
		defer l.memory.mu.Unlock()
		l.memory.locked = false
	})
	return nil
}

// memoryFile is an open file; content.mu guards closed, too.
type memoryFile struct {
	name    string
	content *memoryContent
	closed  bool
}

func (f *memoryFile) check(op string, off int64) error {
	switch {
	case f.closed:
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	case off < 0:
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrInvalid}
	}
	return nil
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	f.content.mu.RLock()
	defer f.content.mu.RUnlock()
	if err := f.check("read", off); err != nil {
		return 0, err
	}
	return f.content.bytes.ReadAt(p, off)
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	f.content.mu.Lock()
	defer f.content.mu.Unlock()
	if err := f.check("write", off); err != nil {
		return 0, err
	}
	f.content.bytes.WriteAt(p, off)
	return len(p), nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.content.mu.Lock()
	defer f.content.mu.Unlock()
	if err := f.check("truncate", size); err != nil {
		return err
	}
	f.content.bytes.Truncate(size)
	return nil
}

func (f *memoryFile) Size() (int64, error) {
	f.content.mu.RLock()
	defer f.content.mu.RUnlock()
	return f.content.bytes.Size(), f.check("stat", 0)
}

func (f *memoryFile) Sync() error {
	f.content.mu.RLock()
	defer f.content.mu.RUnlock()
	return f.check("sync", 0)
}

func (f *memoryFile) Close() error {
	f.content.mu.Lock()
	defer f.content.mu.Unlock()
	err := f.check("close", 0)
	f.closed = true
	return err
}
