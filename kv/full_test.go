package kv

import (
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/balsaraft/balsa/fsys"
)

// disk is one that can be full.
type disk struct {
	vfs.FS
	full atomic.Bool
}

func newDisk() *disk {
	d := new(disk)
	d.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if d.full.Load() && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) {
			return syscall.ENOSPC
		}
		return nil
	}))
	return d
}

// sayings are what a logger was told.
type sayings struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *sayings) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *sayings) has(words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.b.String(), words)
}

func (s *sayings) await(words string) {
	for !s.has(words) {
		runtime.Gosched()
	}
}

// openWith opens the store with something in it that is not on the disk yet.
func (d *disk) openWith(t *testing.T, key string) (m *Machine, said *sayings) {
	t.Helper()
	said = new(sayings)
	m, err := open(d, "kv", Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Alone(m).Put(t.Context(), key, []byte("v")); err != nil {
		t.Fatal(err)
	}
	return m, said
}

// What is not on the disk is in the log, and is applied again: nothing waits for room that
// may never come.
func TestAStoreClosesOnAFullDisk(t *testing.T) {
	d := newDisk()
	m, said := d.openWith(t, "k")
	d.full.Store(true)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"the next start applies again from the log", "no space left"} {
		if !said.has(want) {
			t.Errorf("it does not say %q", want)
		}
	}
	d.full.Store(false)
	m, _ = d.openWith(t, "other")
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// A snapshot waits for room, and no longer once the store is closed.
func TestAStoreClosesWhileASnapshotWaitsForRoom(t *testing.T) {
	d := newDisk()
	m, said := d.openWith(t, "k")
	snapshot, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	d.full.Store(true)
	waits := make(chan error, 1)
	go func() {
		_, err := snapshot.WriteTo(io.Discard)
		waits <- err
	}()
	said.await("the store waits for room")
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waits; !errors.Is(err, fsys.ErrNoSpace) {
		t.Errorf("the snapshot ends with %v", err)
	}
}
