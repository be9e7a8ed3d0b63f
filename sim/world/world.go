package world

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Mode says what a world is about.
type Mode string

const (
	// Swarm worlds draw which troubles exist, and one of the other modes.
	Swarm Mode = "swarm"
	// Safety worlds know all troubles, which all end.
	Safety Mode = "safety"
	// Liveness worlds draw which troubles exist, and in the end heal a quorum only.
	Liveness Mode = "liveness"
)

// Options say what is played. The zero value is a swarm world.
type Options struct {
	Mode  Mode
	Trace io.Writer // gets a line an event; nil: nobody reads
	// Witness is told of all that happens; nil: there is none.
	Witness Witness
	// Without names troubles that do not exist, whatever the seed says, and Length
	// shortens the first act: to find out what a broken promise needs.
	Without []string
	Length  time.Duration
}

// Result is how a world went.
type Result struct {
	Seed    uint64
	Err     error          // the promise that was broken, nil if none was
	Digest  uint64         // of all that happened: the same seed has the same
	Faults  []string       // the troubles that existed
	Events  int            // that were played
	Elapsed time.Duration  // of virtual time
	Counts  map[string]int // how often what happened, to see what was covered
}

// World is one cluster, its callers and its troubles. It has one owner.
type World struct {
	draw     draw
	mode     Mode
	faults   faults
	shape    shape
	now      time.Duration
	agenda   agenda
	network  network
	theatre  theatre
	seats    []*seat
	judge    judge
	trace    trace
	counts   map[string]int
	played   int
	acting   bool   // the first act: troubles come, callers call
	commands uint64 // numbered so far
	lost     int    // wiped members that a membership still lists
	gone     []wire.MemberID
	version  program                     // of the cluster, as far as anybody knows
	oldest   program                     // that runs anywhere at the start
	rises    map[program][]wire.MemberID // who was a member when the version rose to it
	odd      map[wire.MemberID]bool      // members whose states hash to something of their own
}

// shape is how a world's cluster is set up.
type shape struct {
	members       int
	raft          raft.Config
	segmentBytes  int64
	cacheBytes    int
	snapshotBytes int64
	keepSnapshots int
	sessionTTL    time.Duration
	padding       int  // of snapshots
	durable       bool // the state has a disk of its own
	commandBytes  int
	burst         int           // most proposals at once
	pace          time.Duration // most time between calls
	calm          time.Duration // most time between troubles
	deathsInTasks int           // one task in so many ends its process
	length        time.Duration // of the first act
}

// Run plays the world of a seed.
func Run(seed uint64, o Options) (r Result) {
	w := newWorld(seed, o)
	r.Seed = seed
	for _, n := range w.faults.named() {
		if *n.exists {
			r.Faults = append(r.Faults, n.name)
		}
	}
	defer w.endPlot()
	defer func() {
		r.Digest, r.Events, r.Elapsed, r.Counts = w.trace.digest, w.played, w.now, w.counts
		switch p := recover().(type) {
		case nil, hopeless:
			w.judgeHistory(&r)
		case violation:
			r.Err = fmt.Errorf("at %s: %s", w.now, string(p))
		default:
			r.Err = fmt.Errorf("at %s: panic: %v\n%s", w.now, p, debug.Stack())
		}
		if r.Err != nil {
			w.trace.line("", "BROKEN: %v", r.Err)
		}
	}()
	w.play()
	return r
}

// judgeHistory: what callers saw is what one counter would have answered.
func (w *World) judgeHistory(r *Result) {
	undecided, err := w.judge.history.judge()
	if undecided {
		w.count("history-undecided")
	}
	r.Err = err
}

// ErrMode says that a mode is none of those there are.
var ErrMode = errors.New("a mode is swarm, safety or liveness")

// Check says whether the options make sense. Errors: ErrMode.
func (o Options) Check() error {
	switch o.Mode {
	case "", Swarm, Safety, Liveness:
		return nil
	}
	return fmt.Errorf("%w, not %q", ErrMode, o.Mode)
}

func newWorld(seed uint64, o Options) *World {
	w := &World{draw: newDraw(seed, 0x776f726c64), mode: o.Mode, counts: map[string]int{}, odd: map[wire.MemberID]bool{}, rises: map[program][]wire.MemberID{}}
	w.judge = *newJudge(&w.now)
	w.trace = trace{now: &w.now, out: o.Trace, witness: o.Witness}
	w.network = newNetwork(w)
	switch {
	case w.mode == Safety:
		for _, n := range w.faults.named() {
			*n.exists = true
		}
	default:
		w.faults = drawFaults(w.draw)
		if w.mode != Liveness && w.draw.one(3) {
			w.mode = Liveness
		}
	}
	w.drawShape()
	w.drawUpgrades(seed)
	w.faults.restores = newDraw(seed, 0x726573746f7265).one(3)     // apart, as upgrades are
	w.faults.lostSessions = newDraw(seed, 0x73657373696f6e).one(3) // so are these
	for _, n := range w.faults.named() {
		*n.exists = *n.exists && !slices.Contains(o.Without, n.name)
	}
	if o.Length > 0 {
		w.shape.length = min(w.shape.length, o.Length)
	}
	return w
}

func (w *World) drawShape() {
	d := w.draw
	s := &w.shape
	s.members = pick(d, []int{1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7})
	s.raft = raft.Config{Heartbeat: 100 * time.Millisecond, ElectionTimeout: 500 * time.Millisecond, MaxVoters: pick(d, []int{0, 3, 5})}
	if d.one(3) {
		s.raft.Heartbeat, s.raft.ElectionTimeout = 25*time.Millisecond, 120*time.Millisecond
	}
	if d.one(4) {
		s.raft.Heartbeat = s.raft.ElectionTimeout / 2
	}
	if s.raft.MaxVoters == 3 {
		s.raft.ReplaceAfter = 4 * s.raft.ElectionTimeout
	}
	s.raft.StallTimeout = pick(d, []time.Duration{0, s.raft.ElectionTimeout, 2 * s.raft.ElectionTimeout})
	if d.one(2) {
		s.raft.MaxInflight, s.raft.MaxMessageBytes = d.number(1, 8), pick(d, []int{1, d.number(1, 500), d.number(100, 20_000)})
		s.raft.MaxInflightBytes = pick(d, []int{0, d.number(1, 1000), d.number(1000, 50_000)})
		s.raft.MaxUncommittedBytes = d.number(5_000, 100_000)
	}
	s.segmentBytes = pick(d, []int64{16 << 10, 64 << 10})
	s.cacheBytes = pick(d, []int{1, 4 << 10, 256 << 10})
	s.snapshotBytes = pick(d, []int64{4 << 10, 32 << 10, 1 << 20})
	s.keepSnapshots = d.number(1, 3)
	s.sessionTTL = pick(d, []time.Duration{2 * time.Second, time.Hour, 24 * time.Hour})
	s.padding = pick(d, []int{0, 0, 0, 0, 5_000, 5_000, 5_000, 600_000})
	s.durable = d.one(3) // apart, as upgrades are
	s.commandBytes = pick(d, []int{1, 100, 100, 100, 2_000, 20_000})
	s.burst = d.number(1, 8)
	s.pace = d.between(10*time.Millisecond, 300*time.Millisecond)
	s.calm = d.between(100*time.Millisecond, 3*time.Second)
	s.deathsInTasks = d.number(20, 300)
	s.length = d.between(2*time.Second, 20*time.Second)
}

func (w *World) play() {
	w.trace.line("", "mode=%s faults=%s shape=%+v", w.mode, &w.faults, w.shape)
	for range w.shape.members {
		w.newSeat(true)
	}
	for _, s := range w.seats {
		s.startLater(w.draw.between(0, 200*time.Millisecond))
	}
	w.acting = true
	w.call()
	w.after(time.Second, w.mishap)
	w.after(time.Second, w.stage)
	if w.faults.guests {
		w.invite()
	}
	if w.faults.upgrades {
		w.after(w.draw.between(0, time.Second), w.upgrade)
	}
	if w.faults.members {
		w.administer()
	}
	w.playUntil(w.shape.length)
	w.recover()
}

// playUntil plays what is on the agenda up to a moment.
func (w *World) playUntil(end time.Duration) {
	w.at(end, func() {})
	for w.now < end {
		i, _ := w.agenda.next()
		w.now = i.at
		w.played++
		i.do()
	}
}

// at puts something on the agenda.
func (w *World) at(at time.Duration, do func()) { w.agenda.add(max(at, w.now), do) }

func (w *World) after(d time.Duration, do func()) { w.at(w.now+d, do) }

func (w *World) count(what string) { w.counts[what]++ }
