package host

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

	lanes
)

// Task is work that may wait for a disk or for the state machine. Run may be called
// in any goroutine, once; the task then goes back to the host's owner, for Finish.
type Task struct {
	Lane   Lane
	run    func()
	finish func()
}

// Run does the work. It touches nothing that the host's owner touches meanwhile.
func (t *Task) Run() { t.run() }

// begin puts a task out, if its lane is free, and says whether it did.
func (h *Host) begin(lane Lane, run, finish func()) bool {
	if h.busy[lane] || h.err != nil {
		return false
	}
	h.busy[lane] = true
	h.out.Tasks = append(h.out.Tasks, &Task{Lane: lane, run: run, finish: finish})
	return true
}

// Finish takes back a task that has run. Turn must follow.
func (h *Host) Finish(t *Task) {
	h.busy[t.Lane] = false
	if h.err == nil {
		t.finish()
	}
}
