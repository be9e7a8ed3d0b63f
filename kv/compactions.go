package kv

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// compactions decides when the store compacts: when one is done, the next one that waits
// begins. Pebble's own scheduler also looks ten times a second, in case more may run at a
// time than before; here that number stays as it is, and an idle store should cost
// nothing. It is for one store.
type compactions struct {
	db pebble.DBForCompaction

	granting sync.Mutex // held while one is offered; the store's locks may be taken under it

	mu      sync.Mutex // the store's locks may be held when it is taken, and none is taken under it
	running int
	closed  bool
}

// Register implements pebble.CompactionScheduler.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// Unregister implements pebble.CompactionScheduler: it waits for an offer under way, and
// then there are no more.
func (c *compactions) Unregister() {
	c.granting.Lock()
	defer c.granting.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// TrySchedule implements pebble.CompactionScheduler. A store that may not begin now
// remembers that it waits.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.running >= c.db.GetAllowedWithoutPermission() {
		return false, nil
	}
	c.running++
	return true, c
}

// UpdateGetAllowedWithoutPermission implements pebble.CompactionScheduler.
func (c *compactions) UpdateGetAllowedWithoutPermission() {}

// Done implements pebble.CompactionGrantHandle.
func (c *compactions) Done() {
	// The place is free before it is offered, and is not kept while the store considers:
	// else a compaction that comes up after it has said no would be refused, and wait for
	// the end of another one that may never come. At worst two run for once.
	c.count(-1)
	c.granting.Lock()
	defer c.granting.Unlock()
	for c.free() && c.db.Schedule(c) {
		c.count(1)
	}
}

func (c *compactions) free() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && c.running < c.db.GetAllowedWithoutPermission()
}

func (c *compactions) count(change int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running += change
}

// Started, MeasureCPU and CumulativeStats implement pebble.CompactionGrantHandle, for
// schedulers that mind the CPU.
func (c *compactions) Started() {}

func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind) {}

func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}
