package host

import (
	"errors"
	"io"
	"sync/atomic"
)

// Lane says which tasks must not overlap: those of one lane run one after the other,
// which the host sees to by having one of a lane out at a time.
type Lane uint8

const (
	// LogLane writes and syncs the log.
	LogLane Lane = iota
	// ApplyLane applies entries, captures the state and restores it.
	ApplyLane
	// SnapshotLane writes captured states to disk.
	SnapshotLane
	// SendLane reads pieces of snapshots for others.
	SendLane
	// ReceiveLane writes pieces of snapshots from others.
	ReceiveLane
	// FetchLane reads old entries for followers that lag.
	FetchLane
	// PrepareLane makes room for the log ahead of need.
	PrepareLane
	// VerifyLane reads the snapshot that the member has started from, as far as the start did
	// not.
	VerifyLane

	lanes
)

// Task is work that may wait for a disk or for the state machine. Run may be called
// in any goroutine, once; the task then goes back to the host's owner, for Finish.
type Task struct {
	Lane   Lane
	run    func()
	always func() // what must be done even if the member has stopped meanwhile; may be nil
	finish func()
}

// Run does the work. It touches nothing that the host's owner touches meanwhile.
func (t *Task) Run() { t.run() }

// errStopping ends tasks that would otherwise hold up the member's end for as long as
// the state is large.
var errStopping = errors.New("the member is closing")

// Interrupt makes tasks that read or write whole states end soon, with an error. Any
// goroutine may call it.
func (h *Host) Interrupt() { h.stopping.Store(true) }

// interruptible is a reader or writer that fails once the member is closing.
type interruptible struct {
	io.Reader
	io.Writer
	stopping *atomic.Bool
}

func (i interruptible) Read(b []byte) (int, error) {
	if i.stopping.Load() {
		return 0, errStopping
	}
	return i.Reader.Read(b)
}

func (i interruptible) Write(b []byte) (int, error) {
	if i.stopping.Load() {
		return 0, errStopping
	}
	return i.Writer.Write(b)
}

// begin puts a task out, if its lane is free, and says whether it did.
func (h *Host) begin(lane Lane, run, finish func()) bool {
	return h.beginTask(&Task{Lane: lane, run: run, finish: finish})
}

func (h *Host) beginTask(t *Task) bool {
	if h.busy[t.Lane] || h.err != nil {
		return false
	}
	h.busy[t.Lane] = true
	h.out.Tasks = append(h.out.Tasks, t)
	return true
}

// Finish takes back a task that has run. Turn must follow.
func (h *Host) Finish(t *Task) {
	h.busy[t.Lane] = false
	if t.always != nil {
		t.always()
	}
	if h.err == nil {
		t.finish()
	}
}
