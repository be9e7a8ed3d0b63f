package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// logging is how far the log's writing has come: staged ≥ under way ≥ saved.
type logging struct {
	staged    uint64        // number of the last save that is staged
	committed wire.Index    // what the algorithm said
	retryAt   time.Duration // when to look for space again; 0 while there is some
	full      error         // that there was none
	prepareAt time.Duration // when room may be made ahead again
}

// spaceRetry is how long a member with a full disk waits before it looks again.
const spaceRetry = time.Second

func (l *logging) due() time.Duration {
	if l.retryAt > 0 {
		return l.retryAt
	}
	return never
}

// never is a deadline that does not come.
const never = time.Duration(1<<63 - 1)

// startFlush begins to write what is staged, if no write is under way: what queued
// meanwhile goes out in one write and one sync.
func (h *Host) startFlush() {
	if h.busy[LogLane] || h.now < h.logging.retryAt {
		return
	}
	h.logging.retryAt = 0 // the flush that begins now says whether there is space
	flush := h.log.Flush()
	if flush == nil {
		return
	}
	h.upkeep.flushBegins(h.now, h.log.Last().Index)
	meter := &h.cfg.Meter
	var sync Sync
	upTo := h.logging.staged
	var err error
	h.beginTask(&Task{
		Lane: LogLane,
		run: func() {
			began := meter.clock()
			err = flush.Run()
			sync.Took = meter.clock() - began
		},
		always: func() {
			if meter.Synced != nil {
				sync.Bytes, sync.Err = flush.Bytes(), err
				meter.Synced(sync)
			}
			err = h.log.Flushed(flush, err)
		},
		finish: func() { h.flushed(upTo, err) },
	})
}

// prepareLog makes room for the log ahead of need, so that a flush which comes to the
// end of a segment finds the next one written (a sync into new blocks costs twice).
func (h *Host) prepareLog() {
	if h.busy[PrepareLane] || h.now < h.logging.prepareAt {
		return
	}
	room := h.log.Prepare()
	if room == nil {
		return
	}
	var err error
	h.begin(PrepareLane, func() { err = room.Run() }, func() {
		switch err := h.log.Prepared(room, err); {
		case errors.Is(err, fsys.ErrNoSpace):
			h.logging.prepareAt = h.now + spaceRetry // a flush that needs it says so, if it comes to that
		case err != nil:
			h.fail(fmt.Errorf("make room for the log: %w", err))
		}
	})
}

func (h *Host) flushed(upTo uint64, err error) {
	switch {
	case errors.Is(err, fsys.ErrNoSpace):
		if h.logging.full == nil {
			h.event(Event{Kind: DiskFull, Err: err})
			h.cfg.Logger.Error("the disk is full: nothing is lost, reads go on, writes wait for space", "error", err)
		}
		h.logging.full, h.logging.retryAt = err, h.now+spaceRetry
	case err != nil:
		// What a failed sync has left on the disk is unknown, and asking again proves
		// nothing (fsyncgate): only a restart finds out what is really there.
		h.fail(fmt.Errorf("write the log: %w", err))
	default:
		if h.logging.full != nil {
			h.cfg.Logger.Info("the disk has space again")
		}
		h.logging.full, h.logging.retryAt = nil, 0
		h.upkeep.flushEnds()
		h.step(raft.Saved{Seq: upTo})
	}
}
