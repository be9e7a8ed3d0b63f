package balsa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// Open starts a member and returns at once, as soon as its own files are in order; it
// does not wait for other members. Propose and Read wait until there is a leader.
//
// S is the state machine, which belongs to the node until it is closed. C and R, the
// types of commands and results, follow from its methods.
//
// A directory remembers who lives in it and which cluster that is: a member that is
// opened again takes part again, whatever Cluster and Join say. A member whose
// directory was lost comes back as a new one.
//
// Errors: ErrConfig, ErrLocked, ErrOtherMember, ErrNewerVersion, ErrClusterVersion, ErrNoSpace, ErrDiverged, ErrDamaged
// with file and offset (*wal.DamageError, *snapshot.DamageError), an address that is in use or that nothing resolves, and those of the file
// system. Nothing in the directory is changed by an Open that fails on what it finds
// there.
func Open[S StateMachine[C, R], C, R any](ctx context.Context, cfg Config, sm S) (*Node[S, C, R], error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m, err := newMachine(sm)
	if err != nil {
		return nil, err
	}
	understood, gate, err := versionsOf[C](sm)
	if err != nil {
		return nil, err
	}
	n := &Node[S, C, R]{
		cfg: cfg, clock: newClock(), calls: newCalls[R](), machine: m, versions: gate,
		asked: map[uint64]*readGroup{}, controls: map[uint64]func(host.ControlDone){},
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	n.turns.free = make(chan struct{}, 1)
	n.mail.wake = make(chan struct{}, 1)
	n.scratch.New = func() any { return new([]byte) }
	m.calls = n.calls
	if cfg.Meter.Proposed != nil {
		n.calls.clock = n.clock.sinceStart
	}
	if err := n.open(understood); err != nil {
		return nil, fmt.Errorf("balsa: open %s: %w", cfg.where(), err)
	}
	go n.run()
	return n, nil
}

func (c Config) where() string {
	if c.Dir == "" {
		return "a member in memory"
	}
	return c.Dir
}

// open takes the directory and the address, and lets go of both if anything fails.
func (n *Node[S, C, R]) open(understood wire.Versions) (err error) {
	files, err := n.cfg.files()
	if err != nil {
		return err
	}
	if n.lock, err = files.Lock(); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		if n.transport != nil {
			n.transport.Close()
		}
		n.lock.Close()
	}()
	who, err := whoLivesIn(files, n.cfg)
	if err != nil {
		return err
	}
	n.cfg.Name = who.Name
	if n.cfg.Logger == nil {
		n.cfg.Logger = slog.Default().With("member", who.Name)
	}
	if n.transport, err = n.cfg.transport(); err != nil {
		return err
	}
	card, err := n.cfg.card(who, n.transport.Addr())
	if err != nil {
		return err
	}
	card.Versions = understood
	n.host, err = host.New(n.hostConfig(files, who, card), n.clock.now)
	return err
}

func (c Config) files() (fsys.FS, error) {
	switch {
	case c.Files != nil:
		return c.Files, nil
	case c.Dir != "":
		return fsys.Dir(c.Dir)
	}
	return fsys.NewMemory(), nil
}

func (c Config) transport() (Transport, error) {
	switch {
	case c.Transport != nil:
		return c.Transport, nil
	case c.Listen != "":
		return listen(c)
	}
	return lonely{}, nil
}

func (n *Node[S, C, R]) hostConfig(files fsys.FS, who identity.Identity, card wire.Card) host.Config {
	c := host.Config{
		Files: files, Identity: who, Card: card, Machine: n.machine, Transport: n.transport, Logger: n.cfg.Logger,
		Founders: n.cfg.Cluster, Join: n.cfg.Join, Raft: n.cfg.raft(),
		SegmentBytes: segmentBytes, CacheBytes: cacheBytes,
		SnapshotBytes: n.cfg.SnapshotBytes, KeepSnapshots: n.cfg.KeepSnapshots,
		SlowDisk: max(n.cfg.SlowDisk, 0), Preferred: n.cfg.Preferred,
		SessionTTL: n.cfg.SessionTTL, HashEvery: host.HashEvery, Random: n.cfg.Random, Tracer: n.cfg.Trace,
		Meter: n.cfg.Meter.host(n.clock.sinceStart),
	}
	if n.cfg.inMemory() {
		c.SegmentBytes = memorySegment
	}
	if t, ok := n.transport.(interface{ MayVote(Member) bool }); ok {
		c.Raft.MayVote = t.MayVote
	}
	if t, ok := n.transport.(interface{ OnMessage(func()) }); ok {
		t.OnMessage(n.advance)
	}
	return c
}

// whoLivesIn reads who a directory belongs to, or mints an identity into an empty one.
func whoLivesIn(files fsys.FS, cfg Config) (identity.Identity, error) {
	who, err := identity.Load(files)
	switch {
	case err == nil && cfg.Name != "" && cfg.Name != who.Name:
		return who, fmt.Errorf("%w: %q lives here, not %q; use another directory, or the member's own name", ErrOtherMember, who.Name, cfg.Name)
	case !errors.Is(err, identity.ErrNone):
		return who, err
	}
	names, err := files.List()
	if err != nil {
		return who, err
	}
	if err := host.CheckRestored(names); err != nil {
		return who, err
	}
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "wal-") || strings.HasPrefix(name, "snap-") }) {
		return who, fmt.Errorf("%w: there is a log but no file that says whose", identity.ErrDamaged)
	}
	who = identity.Identity{ID: wire.MemberID(cfg.Random() | 1), Name: cfg.Name}
	if who.Name == "" {
		who.Name = "m" + who.ID.String()[:6]
	}
	return who, identity.Save(files, who)
}

// card is how this member introduces itself.
func (c Config) card(who identity.Identity, listening string) (wire.Card, error) {
	addr := c.Advertise
	if addr == "" {
		addr = listening
	}
	if len(c.Join) > 0 && !reachable(addr) {
		return wire.Card{}, fmt.Errorf("%w: others cannot reach this member at %q: set Advertise", ErrConfig, addr)
	}
	return wire.Card{Cluster: who.Cluster, ID: who.ID, Incarnation: c.Random() | 1, Name: who.Name, Addr: addr}, nil
}

func systemRandom() uint64 { return rand.Uint64() }

// lonely is the transport of a member that nobody can reach.
type lonely struct{}

func (lonely) Introduce(wire.Card)                      {}
func (lonely) Connect([]wire.Peer)                      {}
func (lonely) Send(wire.Peer, *wire.Message)            {}
func (lonely) Drain(into []wire.Arrival) []wire.Arrival { return into }
func (lonely) Wake() <-chan struct{}                    { return nil }
func (lonely) Addr() string                             { return "" }
func (lonely) Close() error                             { return nil }
