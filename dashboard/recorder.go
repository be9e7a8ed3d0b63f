package dashboard

import (
	"sync"
	"time"

	"github.com/balsaraft/balsa"
)

// Sample is what a member's work took over a second or so.
type Sample struct {
	At int64 `json:"at"` // by the member's clock, in milliseconds since 1970
	// Proposed, Refused, Reads and Syncs are how many a second: proposals and reads of
	// this member's own callers, and syncs of its log. Applied counts the entries of all.
	Proposed float64 `json:"proposed"`
	Refused  float64 `json:"refused"`
	Reads    float64 `json:"reads"`
	Applied  float64 `json:"applied"`
	Syncs    float64 `json:"syncs"`
	// Ordered, Committed and Done are from when a proposal was taken until it had its
	// place in the leader's log, until it was known to be committed, and until it was
	// applied and answered here.
	Ordered   Latency `json:"ordered,omitzero"`
	Committed Latency `json:"committed,omitzero"`
	Done      Latency `json:"done,omitzero"`
	Sync      Latency `json:"sync,omitzero"`
}

// Recorder sums up what a member's work takes. Give its Meter to the member, and itself to
// the member's Reporter. Any goroutine may use it.
type Recorder struct {
	mu    sync.Mutex
	since time.Time
	counts
}

type counts struct {
	proposed, refused, reads, applied int
	ordered, committed, done, synced  spread
}

// NewRecorder begins to sum up.
func NewRecorder() *Recorder { return &Recorder{since: time.Now()} }

// Meter is what tells the Recorder of the member's work.
func (r *Recorder) Meter() balsa.Meter {
	return balsa.Meter{
		Proposed: func(s balsa.Stages) {
			r.note(func(c *counts) {
				c.proposed += s.Commands
				c.ordered.add(s.Waited+s.Ordered, s.Commands)
				c.committed.add(s.Waited+s.Ordered+s.Committed, s.Commands)
				c.done.add(s.Total, s.Commands)
			})
		},
		Synced:  func(s balsa.Sync) { r.note(func(c *counts) { c.synced.add(s.Took, 1) }) },
		Applied: func(a balsa.Applied) { r.note(func(c *counts) { c.applied += a.Entries }) },
		Read: func(_ time.Duration, err error) {
			if err == nil {
				r.note(func(c *counts) { c.reads++ })
			}
		},
		Refused: func(error) { r.note(func(c *counts) { c.refused++ }) },
	}
}

func (r *Recorder) note(add func(*counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.counts)
}

// take sums up what was noted since the last take, and begins anew.
func (r *Recorder) take(now time.Time) Sample {
	r.mu.Lock()
	c, passed := r.counts, now.Sub(r.since)
	r.counts, r.since = counts{}, now
	r.mu.Unlock()
	rate := func(n int) float64 { return float64(int(10*float64(n)/max(passed.Seconds(), 0.001))) / 10 }
	return Sample{
		At: now.UnixMilli(), Proposed: rate(c.proposed), Refused: rate(c.refused), Reads: rate(c.reads),
		Applied: rate(c.applied), Syncs: rate(int(c.synced.count)),
		Ordered: c.ordered.latency(), Committed: c.committed.latency(), Done: c.done.latency(), Sync: c.synced.latency(),
	}
}
