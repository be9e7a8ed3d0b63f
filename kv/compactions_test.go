package kv

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

// backlog is a store of which some compactions wait.
type backlog struct {
	waiting, started int
	schedule         func() // while it is asked
}

func (b *backlog) GetAllowedWithoutPermission() int { return 1 }

func (b *backlog) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	return b.waiting > 0, pebble.WaitingCompaction{}
}

func (b *backlog) Schedule(pebble.CompactionGrantHandle) bool {
	if b.schedule != nil {
		b.schedule()
	}
	if b.waiting == 0 {
		return false
	}
	b.waiting--
	b.started++
	return true
}

func TestTheNextCompactionBeginsWhenOneIsDone(t *testing.T) {
	b := &backlog{waiting: 2}
	var c compactions
	c.Register(1, b)
	if ok, _ := c.TrySchedule(); !ok {
		t.Fatal("the first one may not begin")
	}
	if ok, _ := c.TrySchedule(); ok {
		t.Fatal("two run at a time")
	}
	for want := 1; want <= 2; want++ {
		c.Done()
		if b.started != want {
			t.Fatalf("%d have begun, want %d", b.started, want)
		}
	}
	c.Done()
	if ok, _ := c.TrySchedule(); !ok {
		t.Fatal("the place was not given back")
	}
}

// One that comes up while another is done must not be refused: nobody would ask again.
func TestACompactionThatComesUpAtTheWrongMomentRuns(t *testing.T) {
	b := &backlog{}
	var c compactions
	c.Register(1, b)
	c.TrySchedule()
	asked := 0
	b.schedule = func() {
		asked++
		if ok, _ := c.TrySchedule(); !ok {
			t.Error("it was refused")
		}
	}
	c.Done()
	if asked != 1 {
		t.Errorf("the store was asked %d times", asked)
	}
}

func TestAClosedStoreIsOfferedNothing(t *testing.T) {
	b := &backlog{waiting: 1}
	var c compactions
	c.Register(1, b)
	c.TrySchedule()
	c.Unregister()
	c.Done()
	if ok, _ := c.TrySchedule(); ok || b.started > 0 {
		t.Error("a compaction began after the end")
	}
}
