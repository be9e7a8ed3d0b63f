package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/balsaraft/balsa"
)

// Machine is the state machine. It belongs to a node, which calls Apply, ApplyBatch,
// Snapshot and Restore one at a time; its other methods may be called from any
// goroutine, and those that read see the state after a whole command.
//
// A store that cannot be read or written makes Apply panic, which stops the member.
type Machine struct {
	db      *pebble.DB
	options *pebble.Options
	opening atomic.Bool // files are being opened
	trouble chan error  // that Pebble met in the background, the first since somebody looked
	files   place
	log     *slog.Logger
	bound   bound

	// What follows up to state belongs to who applies.
	meta    meta
	due     int64 // nothing expires before this moment, in milliseconds
	batch   *pebble.Batch
	seq     uint32 // changes of this index so far
	draft   draft
	trail   trail
	notes   notes
	recent  recent
	changed []changedKey // by the batch
	scratch []byte

	state  atomic.Pointer[meta] // as of the last batch
	alarm  alarm                // due, for those who do not apply
	growth growth
	tail   tail

	mu     sync.RWMutex
	closed bool
	pins   map[*pin]bool
}

// bound is how much of the past is kept. Members must agree on it.
type bound struct{ changes, weight uint64 }

// ErrClosed says that the store was closed.
var ErrClosed = balsa.ErrClosed

// never is a moment that does not come.
const never = math.MaxInt64

// Applied implements balsa.Durable: what was applied when the store was opened or
// restored, or since. What is not on the disk yet a crash takes back, and Applied then
// says so, because it is a part of the data.
func (m *Machine) Applied() balsa.Index { return m.state.Load().applied }

// Revision is the index of the last command that changed a key.
func (m *Machine) Revision() balsa.Index { return m.state.Load().revision }

// Len is the number of keys. Those that are due to expire count until they are gone.
func (m *Machine) Len() int { return int(m.state.Load().keys) }

// load takes the state from the store, at the start and after a restore.
func (m *Machine) load() error {
	head := meta{version: metaVersion}
	value, closer, err := m.db.Get(metaKey)
	switch {
	case err == nil:
		head, err = decodeMeta(value)
		if err := errors.Join(err, closer.Close()); err != nil {
			return err
		}
	case !errors.Is(err, pebble.ErrNotFound):
		return fmt.Errorf("read the store's head: %w", err)
	}
	if head.version < metaVersion {
		if err := m.upgrade(&head); err != nil {
			return err
		}
	}
	m.meta, m.due, m.trail = head, 0, trail{}
	m.recent.clear()
	batch := m.db.NewIndexedBatch()
	defer batch.Close()
	m.batch = batch
	if m.due, err = m.findDue(); err != nil {
		return err
	}
	m.batch = nil
	m.tail.restart(head.applied)
	m.publish()
	return nil
}

// publish shows readers what was applied.
func (m *Machine) publish() {
	head := m.meta
	m.tail.grow(m.changed, head.applied)
	clear(m.changed)
	m.changed = m.changed[:0]
	m.state.Store(&head)
	m.alarm.set(m.due)
	m.growth.reach(head.applied)
}

// Get looks a key up. Errors: ErrNotFound, ErrClosed, or that of a store that cannot be
// read.
func (m *Machine) Get(key string) (Item, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return Item{}, ErrClosed
	}
	value, closer, err := m.db.Get(appendKeyKey(make([]byte, 0, 64), key))
	if errors.Is(err, pebble.ErrNotFound) {
		return Item{}, ErrNotFound
	}
	if err != nil {
		return Item{}, m.unreadable(err)
	}
	r, err := decodeRecord(append([]byte(nil), value...))
	if err := errors.Join(err, closer.Close()); err != nil {
		return Item{}, m.unreadable(err)
	}
	if r.expired(m.state.Load().now()) {
		return Item{}, ErrNotFound
	}
	return r.item(key, false), nil
}

// unreadable notes that the store is damaged, if that is what an error says.
func (m *Machine) unreadable(err error) error {
	if pebble.IsCorruptionError(err) || errors.Is(err, ErrDamaged) {
		m.files.condemn(m.log, err)
		return fmt.Errorf("read the store: %w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("read the store: %w", err)
}

// must stops the member where the store fails below Apply.
func (m *Machine) must(err error) {
	if err != nil {
		panic(m.unreadable(err))
	}
}

// Close makes all that was applied durable and closes the store. Call it after the
// node's Close. Views that are still open fail from then on.
func (m *Machine) Close() error {
	m.files.full.open.Store(false) // who waits for room, and holds the lock, waits no longer
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	for p := range m.pins {
		p.release()
	}
	m.pins = nil
	m.growth.close()
	err := errors.Join(m.writeOut(), m.db.Close())
	switch {
	case errors.Is(err, syscall.ENOSPC):
		m.log.Warn("the disk is full: the store is closed without what was applied last, which the next start applies again from the log", "dir", m.files.dir, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// writeOut writes what is in memory. Pebble tries again and again; here the first error is
// the last. It is not for two at a time.
func (m *Machine) writeOut() error {
	select {
	case <-m.trouble: // of before
	default:
	}
	flushed, err := m.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case err := <-m.trouble:
		return explained(err)
	}
}

// growth lets goroutines wait until the applied index has grown.
type growth struct {
	mu     sync.Mutex
	index  balsa.Index
	closed bool
	grown  chan struct{} // closed when index grows; nil while nobody waits
}

// after is closed once the index is at least i, or the store is closed.
func (g *growth) after(i balsa.Index) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.index >= i {
		ready := make(chan struct{})
		close(ready)
		return ready
	}
	if g.grown == nil {
		g.grown = make(chan struct{})
	}
	return g.grown
}

func (g *growth) reach(i balsa.Index) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.index = i
	g.wake()
}

func (g *growth) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.wake()
}

func (g *growth) wake() {
	if g.grown != nil {
		close(g.grown)
		g.grown = nil
	}
}
