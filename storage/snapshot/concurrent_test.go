package snapshot

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/wire"
)

// exclusive is a file system that opens a file once at a time, and neither renames nor
// removes one that is open, as a browser's.
type exclusive struct {
	fsys.FS
	t    *testing.T
	mu   sync.Mutex
	open map[string]bool
}

func (e *exclusive) use(name string, f fsys.File, err error) (fsys.File, error) {
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[name] {
		e.t.Errorf("%s is opened twice", name)
	}
	e.open[name] = true
	return &exclusiveFile{f, e, name}, nil
}

func (e *exclusive) Create(name string) (fsys.File, error) {
	f, err := e.FS.Create(name)
	return e.use(name, f, err)
}

func (e *exclusive) Open(name string) (fsys.File, error) {
	f, err := e.FS.Open(name)
	return e.use(name, f, err)
}

func (e *exclusive) wantClosed(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[name] {
		e.t.Errorf("%s is renamed, replaced or removed while it is open", name)
	}
}

func (e *exclusive) Rename(old, new string) error {
	e.wantClosed(old)
	e.wantClosed(new)
	return e.FS.Rename(old, new)
}

func (e *exclusive) Remove(name string) error {
	e.wantClosed(name)
	return e.FS.Remove(name)
}

type exclusiveFile struct {
	fsys.File
	fs   *exclusive
	name string
}

func (f *exclusiveFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	delete(f.fs.open, f.name)
	return f.File.Close()
}

func TestTakingSendingAndRestoringAtTheSameTime(t *testing.T) {
	const last = 60
	s := open(t, &exclusive{FS: fsys.NewMemory(), t: t, open: map[string]bool{}}, 2)
	must(t, take(s, metaAt(1), stateAt(1, 50)))
	files := map[wire.Index][]byte{}
	for i := wire.Index(3); i <= last; i += 2 {
		files[i] = raw(t, metaAt(i), stateAt(i, 50))
	}
	var takers, readers sync.WaitGroup
	done := make(chan struct{})
	takers.Go(func() {
		for i := wire.Index(2); i <= last; i += 2 {
			if err := take(s, metaAt(i), stateAt(i, 50)); err != nil {
				t.Error(err)
			}
		}
	})
	takers.Go(func() {
		for i := wire.Index(3); i <= last; i += 2 {
			if err := arrive(s, metaAt(i), files[i], 33); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				latest, _ := s.Latest()
				if _, _, err := restore(s, latest.Pos); err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
				source, err := s.Source(latest.Pos)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, io.NewSectionReader(source, 0, source.Size())); err != nil {
					t.Error(err)
				}
				source.Close()
			}
		})
	}
	takers.Wait()
	close(done)
	readers.Wait()
	wantState(t, s, last, 50)
}
