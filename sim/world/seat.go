package world

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/fsys/fault"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// seat is where a member lives: a name, an address, a clock and a disk. Processes come
// and go on it; if the disk is wiped, another member lives there from then on.
type seat struct {
	w         *World
	name      string
	addr      string
	founder   bool
	clock     clock
	disk      *fault.Disk
	mood      mood          // how long the disk takes
	burden    time.Duration // that a task on the state takes at most, beside the usual
	dieAfter  int           // operations of the disk after which the process dies; negative: never
	process   *process
	id        wire.MemberID // who lives here, 0 before the first start
	retired   bool          // nobody starts it again
	belongs   bool          // a process here has belonged to the cluster
	rotten    wire.MemberID // whose files were damaged, 0 if none were
	moves     int           // how often its address has changed
	isolated  bool          // in the second act: it stays in trouble
	lives     int
	kept      kept // on the disk of the state, if it has one
	held      bool // a plot keeps it from starting
	starting  bool // a start is on the agenda
	rules     []*fault.Injection
	syncs     []*fault.Injection // those that strike the directory's syncs
	unsynced  int                // how often they have, by the last power loss
	program   program
	stepsBack bool // to a program before the one that ran here
}

func (w *World) newSeat(founder bool) *seat {
	name := fmt.Sprintf("n%d", len(w.seats)+1)
	s := &seat{
		w: w, name: name, addr: name + ":7000", founder: founder, dieAfter: -1,
		clock: clock{rate: 1000}, disk: fault.New(w.draw.Uint64()), program: w.programOf(),
	}
	if w.faults.clocks {
		s.clock.rate = w.draw.number(950, 1050)
		s.clock.skew = w.draw.between(-time.Hour, time.Hour)
	}
	s.watchDisk()
	w.seats = append(w.seats, s)
	return s
}

// killed is what unwinds a task when its process dies in the middle of it.
type killed struct{}

// watchDisk makes the process die before the operation that was drawn.
func (s *seat) watchDisk() {
	s.disk.Watch(func(fault.Operation) {
		if s.dieAfter > 0 {
			s.dieAfter--
		} else if s.dieAfter == 0 {
			panic(killed{})
		}
	})
}

// survives runs something that uses the disk, and says whether the process survived it.
func (s *seat) survives(do func()) (alive bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, died := p.(killed); !died {
				panic(p)
			}
			alive = false
		}
	}()
	do()
	return true
}

// startLater starts a process on the seat, if none is there by then.
func (s *seat) startLater(after time.Duration) {
	if s.starting {
		return
	}
	s.starting = true
	s.w.after(after, func() {
		s.starting = false
		if s.process == nil && !s.retired && !s.held {
			s.start()
		}
	})
}

// start begins a life on the seat. What the disk refuses is tried again later.
func (s *seat) start() {
	s.lives++
	if s.w.mayDie() && s.w.draw.one(5) {
		s.dieAfter = s.w.draw.IntN(40)
	}
	var p *process
	var err error
	if !s.survives(func() { p, err = s.open() }) {
		s.w.count("died-in-start")
		s.w.trace.line(s.name, "dies while it starts")
		s.leave(s.w.draw.one(2))
		return
	}
	if err != nil {
		s.w.trace.line(s.name, "does not start: %v", err)
		if !s.mayRefuse(err) {
			broken("%s does not start: %v", s.name, err)
		}
		if errors.Is(err, identity.ErrDamaged) || errors.Is(err, identity.ErrVersion) && !errors.Is(err, host.ErrClusterVersion) || errors.Is(err, host.ErrDiverged) {
			s.wipe() // as the error says
		}
		s.leave(s.w.draw.one(2))
		return
	}
	s.process = p
	s.w.trace.line(s.name, "starts as %s, life %d", s.id, s.lives)
	p.wake()
}

// mayRefuse says whether a member may give up for that reason: a disk that was made to
// fail, or to be full.
func (s *seat) mayRefuse(err error) bool {
	return s.tooOld(err) || errors.Is(err, fault.ErrIO) && s.w.faults.badDisk ||
		errors.Is(err, fsys.ErrNoSpace) && s.w.faults.fullDisk ||
		errors.Is(err, host.ErrDiverged) && s.w.odd[s.id] ||
		(errors.Is(err, fsys.ErrDamaged) || errors.Is(err, fsys.ErrNewerVersion)) && s.rotten != 0
}

// leave clears the seat of a process that is dead, and starts another soon.
func (s *seat) leave(power bool) {
	s.dieAfter = -1
	s.process = nil
	if s.directoryFailed() || power {
		s.disk.Crash()
	}
	s.startLater(s.w.draw.between(time.Millisecond, s.w.downtime()))
}

// directoryFailed says whether a sync of the directory has failed since the last time. A
// file system to which that happens takes no more changes: no process starts on it before
// its machine has.
func (s *seat) directoryFailed() bool {
	struck := 0
	for _, i := range s.syncs {
		struck += i.Struck()
	}
	failed := struck > s.unsynced
	s.unsynced = struck
	return failed
}

func (s *seat) open() (*process, error) {
	s.move()
	who, err := s.whoLivesHere()
	if err != nil {
		return nil, err
	}
	s.id = who.ID
	p := newProcess(s)
	random := newDraw(s.w.draw.Uint64(), uint64(who.ID)).Uint64
	c := host.Config{
		Files: s.disk, Identity: who, Machine: p.machine, Transport: p.transport,
		Card:   wire.Card{Cluster: who.Cluster, ID: who.ID, Incarnation: random() | 1, Name: s.name, Addr: s.addr, Versions: s.program.versions()},
		Logger: s.logger(), Raft: s.w.shape.raft,
		SegmentBytes: s.w.shape.segmentBytes, CacheBytes: s.w.shape.cacheBytes,
		SnapshotBytes: s.w.shape.snapshotBytes, KeepSnapshots: s.w.shape.keepSnapshots,
		SessionTTL: s.w.shape.sessionTTL, HashEvery: hashEvery, Random: random, Tracer: s.tracer(),
		SlowDisk: s.w.shape.raft.ElectionTimeout / 2, Preferred: s.w.shape.raft.MaxVoters == 5 && who.ID%4 == 1,
	}
	// Who knows of no cluster, and of a part of the founders alone, might know of nobody but
	// who was removed since, and could be taken in by nobody.
	founders := s.w.founders()
	if s.founder && (who.Cluster != 0 || len(founders) == s.w.shape.members) {
		c.Founders = founders
	} else {
		c.Join = s.w.addresses(s)
	}
	p.host, err = host.New(c, func() host.Now { return s.clock.now(s.w.now) })
	if err != nil {
		return nil, err
	}
	p.status = p.host.Status()
	s.w.judge.cameBack(s.name, &p.status)
	if p.status.Core.ID != 0 {
		s.judgeKept(p.status.Core.Durable)
	}
	s.w.judge.stands(s.name, s.rotten != 0, &p.status, &p.status)
	return p, nil
}

func (s *seat) logger() *slog.Logger {
	if s.w.trace.out == nil {
		return slog.New(slog.DiscardHandler)
	}
	tell := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	out := writerFunc(func(b []byte) (int, error) {
		s.w.trace.line(s.name, "%s", b[:max(0, len(b)-1)])
		return len(b), nil
	})
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: tell}))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// whoLivesHere reads who the disk belongs to, or mints an identity into an empty one.
func (s *seat) whoLivesHere() (identity.Identity, error) {
	who, err := identity.Load(s.disk)
	if !errors.Is(err, identity.ErrNone) {
		return who, err
	}
	who = identity.Identity{ID: wire.MemberID(s.w.draw.Uint64() | 1), Name: s.name}
	return who, identity.Save(s.disk, who)
}

// founders are the names and addresses of those who found the cluster.
func (w *World) founders() map[string]string {
	m := map[string]string{}
	for _, s := range w.seats {
		if s.founder {
			m[s.name] = s.addr
		}
	}
	return m
}

// addresses are those of all other seats.
func (w *World) addresses(but *seat) (list []string) {
	for _, s := range w.seats {
		if s != but {
			list = append(list, s.addr)
		}
	}
	return list
}

// move gives the seat another address, now and then, between two lives. Each life is
// started with the founders' addresses of then, so that who starts last finds the others.
// Where others than founders take part, two who move at a time may never meet again: so
// nobody moves after a disk was wiped, and somebody new lives there.
func (s *seat) move() {
	// Until then all must name the same founders; and whose files are damaged becomes
	// somebody new, too.
	settled := !slices.ContainsFunc(s.w.seats, func(o *seat) bool { return !o.belongs || o.rotten != 0 })
	if s.w.faults.moves && settled && !s.w.faults.members && len(s.w.gone) == 0 && s.w.acting && s.lives > 1 && s.w.draw.one(3) {
		s.moves++
		s.addr = fmt.Sprintf("%s:%d", s.name, 7000+s.moves)
		s.w.count("moved")
		s.w.trace.line(s.name, "moves to %s", s.addr)
	}
}

// wipe empties the disk: who lived here is gone for ever. Whoever is left as the only
// founder would found another cluster there: it is started again as one who joins.
func (s *seat) wipe() {
	s.founder = s.founder && len(s.w.founders()) > 1
	s.w.gone = append(s.w.gone, s.id)
	s.exchangeDisk(fault.New(s.w.draw.Uint64()))
	s.kept = kept{}
	s.id = 0
}

// exchangeDisk puts another disk in the place of the one there is.
func (s *seat) exchangeDisk(disk *fault.Disk) {
	s.disk = disk
	s.rules, s.syncs, s.unsynced = nil, nil, 0
	s.watchDisk()
}

// heal ends what troubles the disk.
func (s *seat) heal() {
	s.disk.SetCapacity(-1)
	for _, r := range s.rules {
		r.Remove()
	}
	s.rules, s.mood = nil, quick
	s.dieAfter = -1
}

func (w *World) running() []*seat {
	return slices.DeleteFunc(slices.Clone(w.seats), func(s *seat) bool { return s.process == nil })
}
