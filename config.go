package balsa

import (
	"cmp"
	"fmt"

	"log/slog"
	"slices"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Config says where a member's data lives and who the others are. The zero Config is
// one member in memory, which loses everything at Close.
type Config struct {
	// Name is what people call this member, unique in its cluster. Without one it is
	// the name under which Cluster lists Listen or Advertise, else made from its
	// identity.
	Name string
	// Dir is the directory for log and snapshots, made if it is missing. "" keeps
	// them in memory.
	Dir string

	// Listen is the address for other members, such as ":7000"; port 0 picks one.
	// Without it the member stays alone.
	Listen string
	// Advertise is the address at which others reach this member. Default: what
	// Cluster says for Name, else the address it listens on.
	Advertise string
	// Cluster lists a new cluster's founding members, the same on all of them: names
	// and addresses. All must be up once, at the first start, to found it. Later it
	// only hints where the members are.
	Cluster map[string]string
	// Join lists addresses of any members of a running cluster that this member is to
	// become a part of.
	Join []string
	// TLS secures the connections between members, as server and as client; ask for
	// client certificates in it for mutual TLS.
	TLS *TLSConfig

	// Timing says how soon a silent leader is replaced. Default: DefaultTiming.
	Timing Timing
	// MaxVoters is up to how many members vote; more are learners, which hold the
	// state and take proposals and reads all the same. A learner is promoted when it
	// has caught up and there are fewer voters. Default 5; -1 leaves who votes to
	// SetMembers and AddMember alone.
	MaxVoters int

	// ReplaceAfter is for how long a voter may be away until a learner that has caught up
	// votes in its place. The voter stays a member, as a learner, and votes again when it is
	// back and there is room. Default 10 minutes; negative, or with MaxVoters -1, never.
	ReplaceAfter time.Duration

	// SlowDisk is how long a write of the log may take on a leader: if that takes longer
	// again and again while the others' disks are quicker, it hands leadership over. Default
	// 250 ms; negative never.
	SlowDisk time.Duration
	// Preferred lets this member take leadership over, while it has caught up and its disk
	// is not slow, from one that is not preferred.
	Preferred bool

	// MaxCommand bounds an encoded command, in bytes. Default 1 MiB, at most 32 MiB.
	MaxCommand int
	// SnapshotBytes is how much log, in bytes, is applied since the last snapshot
	// until the next is taken. It is more where a snapshot itself is larger: as much log
	// as that, so that snapshots write no more than the log does. Default 16 MiB on disk,
	// 4 MiB in memory.
	SnapshotBytes int64
	// KeepSnapshots is how many snapshots stay. The log reaches back to the oldest of
	// them. Default 2.
	KeepSnapshots int
	// SessionTTL is for how long, in replicated time, the cluster remembers which of
	// a silent member's commands have run. Default 1 hour.
	SessionTTL time.Duration

	// Logger gets what people should know. Default: slog.Default with the member's
	// name.
	Logger *slog.Logger
	// Trace is told all that the algorithm does, before anybody hears of it: trace.Live
	// writes it to a file, some hundred bytes for each message, and go run ./sim -check
	// judges the files of one or more members. Default: nothing.
	Trace Tracer

	// Meter is told what the member's work takes. Default: nobody is told, at no cost.
	Meter Meter

	// Files stands in for Dir: a file system of your own. Transport stands in for
	// Listen and TLS. Both are closed by the node.
	Files     fsys.FS
	Transport Transport
	// Random is the source of chance. Default: from the operating system.
	Random func() uint64
}

// Tracer is told what the algorithm does.
type Tracer = host.Tracer

// Timing is the rhythm of elections.
type Timing struct {
	// Heartbeat is the time between a leader's signs of life.
	Heartbeat time.Duration
	// Election is the least silence after which a leader is replaced; the actual one
	// is drawn from [Election, 2*Election), so that members seldom collide. A leader
	// whose process died is replaced sooner: its connections break.
	Election time.Duration
}

var (
	// DefaultTiming suits anything from one rack to neighbouring cities.
	DefaultTiming = Timing{Heartbeat: 150 * time.Millisecond, Election: 500 * time.Millisecond}
	// LAN is for members on one local network, with disks that sync in milliseconds.
	LAN = Timing{Heartbeat: 25 * time.Millisecond, Election: 120 * time.Millisecond}
	// WAN is for members on different continents.
	WAN = Timing{Heartbeat: 500 * time.Millisecond, Election: 3 * time.Second}
)

const (
	maxCommandLimit   = 32 << 20
	segmentBytes      = 8 << 20
	memorySegment     = 1 << 20
	cacheBytes        = 4 << 20
	snapshotBytes     = 16 << 20
	memorySnapshot    = 4 << 20
	defaultMaxCommand = 1 << 20
	defaultMaxVoters  = 5
	// defaultReplaceAfter is longer than a machine takes to start again.
	defaultReplaceAfter = 10 * time.Minute
	defaultSlowDisk     = 250 * time.Millisecond
	maxInflight         = 64
	maxInflightBytes    = 16 << 20
	maxUncommitted      = 64 << 20
)

// withDefaults fills in what was left out and checks the rest.
func (c Config) withDefaults() (Config, error) {
	if c.Timing == (Timing{}) {
		c.Timing = DefaultTiming
	}
	c.MaxVoters = cmp.Or(c.MaxVoters, defaultMaxVoters)
	c.ReplaceAfter = cmp.Or(c.ReplaceAfter, defaultReplaceAfter)
	c.SlowDisk = cmp.Or(c.SlowDisk, defaultSlowDisk)
	c.MaxCommand = cmp.Or(c.MaxCommand, defaultMaxCommand)
	c.KeepSnapshots = cmp.Or(c.KeepSnapshots, 2)
	c.SessionTTL = cmp.Or(c.SessionTTL, time.Hour)
	if c.inMemory() {
		c.SnapshotBytes = cmp.Or(c.SnapshotBytes, memorySnapshot)
	}
	c.SnapshotBytes = cmp.Or(c.SnapshotBytes, snapshotBytes)
	if c.Name == "" {
		c.Name = c.nameFromCluster()
	}
	if c.Advertise == "" {
		c.Advertise = c.Cluster[c.Name]
	}
	if c.Random == nil {
		c.Random = systemRandom
	}
	return c, c.check()
}

func (c Config) inMemory() bool { return c.Dir == "" && c.Files == nil }

// alone says whether the member has no way to meet others.
func (c Config) alone() bool { return c.Listen == "" && c.Transport == nil }

func (c Config) nameFromCluster() string {
	for name, addr := range c.Cluster {
		if addr != "" && (addr == c.Advertise || addr == c.Listen) {
			return name
		}
	}
	return ""
}

func (c Config) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("balsa: %w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Timing.Heartbeat <= 0 || c.Timing.Election < 2*c.Timing.Heartbeat:
		return bad("Timing.Election is %s, it must be at least twice Timing.Heartbeat, which is %s", c.Timing.Election, c.Timing.Heartbeat)
	case c.MaxCommand < 1 || c.MaxCommand > maxCommandLimit:
		return bad("MaxCommand is %d, it must be between 1 and %d", c.MaxCommand, maxCommandLimit)
	case c.SnapshotBytes < 0:
		return bad("SnapshotBytes is %d, it must be positive", c.SnapshotBytes)
	case c.KeepSnapshots < 1:
		return bad("KeepSnapshots is %d, it must be positive", c.KeepSnapshots)
	case c.SessionTTL <= 0:
		return bad("SessionTTL is %s, it must be positive", c.SessionTTL)
	case c.MaxVoters < -1:
		return bad("MaxVoters is %d, it must be positive, or -1", c.MaxVoters)
	case len(c.Cluster) > 0 && len(c.Join) > 0:
		return bad("Cluster and Join are both set: a member founds a cluster or joins one")
	case (len(c.Cluster) > 1 || len(c.Join) > 0) && c.alone():
		return bad("Cluster or Join needs Listen: the others must reach this member")
	case len(c.Cluster) > 0 && c.Name == "":
		return bad("none of Cluster's addresses is Listen (%s): set Name", c.Listen)
	case len(c.Cluster) > 0 && c.Cluster[c.Name] == "":
		return bad("Cluster does not list this member, %q", c.Name)
	}
	for _, name := range append(mapKeys(c.Cluster), c.Name) {
		if len(name) > wire.MaxNameLen || slices.ContainsFunc([]rune(name), func(r rune) bool { return r <= ' ' || r == '=' || r == ',' }) {
			return bad("the name %q: at most %d bytes, without spaces, commas and equals signs", name, wire.MaxNameLen)
		}
	}
	for _, addr := range append(mapValues(c.Cluster), c.Join...) {
		if err := checkAddr(addr); err != nil {
			return bad("the address %q: %v; it must be host:port", addr, err)
		}
	}
	return nil
}

func mapKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func mapValues(m map[string]string) (values []string) {
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

func (c Config) raft() raft.Config {
	replaceAfter := max(c.ReplaceAfter, 0)
	if c.MaxVoters < 0 {
		replaceAfter = 0
	}
	return raft.Config{
		Heartbeat: c.Timing.Heartbeat, ElectionTimeout: c.Timing.Election,
		MaxMessageBytes: maxChunk, MaxInflight: maxInflight, MaxInflightBytes: maxInflightBytes,
		MaxUncommittedBytes: max(maxUncommitted, 2*c.MaxCommand), MaxVoters: max(c.MaxVoters, 0), ReplaceAfter: replaceAfter,
	}
}
