package balsa

import (
	"fmt"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// Status is how a member stands, as it knows itself at the moment. Its JSON is what
// GET /status answers.
type Status struct {
	Name    string         `json:"name"`
	ID      MemberID       `json:"id"`
	Cluster wire.ClusterID `json:"cluster"`
	Addr    string         `json:"addr"`
	// Role is leader, candidate, follower or learner; founding or joining while the
	// member belongs to no cluster yet, removed when it does no more, and repairing
	// while it waits to be taken in again because its files are damaged.
	Role string `json:"role"`
	// Leader is the leader's name, "" if none is known; LeaderID its identity.
	Leader   string   `json:"leader"`
	LeaderID MemberID `json:"leader_id"`
	Term     Term     `json:"term"`
	Last     Index    `json:"last"`    // of the log
	Durable  Index    `json:"durable"` // of the log on this member's disk
	Commit   Index    `json:"commit"`
	// Applied is up to where entries are applied here. It is no less than the entry of any
	// write that was answered here before: AtLeast(Applied) sees that write on any member.
	Applied  Index `json:"applied"`
	Snapshot Index `json:"snapshot"` // of the newest snapshot
	// StateBytes is how large the state was then, 0 if there is no snapshot.
	StateBytes int64 `json:"state_bytes"`
	// Compacted is up to where entries are no longer in the log: a snapshot holds what they did.
	Compacted Index `json:"compacted"`
	// Version is the cluster's: what all members understand, as of what was applied here.
	Version  ClusterVersion `json:"version"`
	LogBytes int64          `json:"log_bytes"` // on disk
	// Writing is a snapshot that this member writes now, nil if there is none; its Size is
	// that of the one before, 0 if there was none.
	Writing *SnapshotTransfer `json:"writing,omitempty"`
	// Waiting says why there is no leader, "" if there is one.
	Waiting string `json:"waiting,omitempty"`
	// Diverged says which members' states differ and how, as far as this one was told, and
	// as long as they do: until they are replaced, or have agreed again. "" if none does.
	Diverged string `json:"diverged,omitempty"`
	// Changing says that a change of the members is under way: until it is over, a majority
	// of those before it is needed, too, so it is no moment to take a member away.
	Changing bool           `json:"changing,omitempty"`
	Load     Load           `json:"load"`
	Members  []MemberStatus `json:"members"`
}

// Load is what a member holds at the moment for those who wait, and what it remembers.
type Load struct {
	Proposals     int `json:"proposals"`      // made on this member and not answered
	ProposalBytes int `json:"proposal_bytes"` // of those
	Reads         int `json:"reads"`          // that wait for a state new enough
	Forwards      int `json:"forwards"`       // batches of others that wait for this leader's log
	Sessions      int `json:"sessions"`       // that the cluster remembers
	CacheBytes    int `json:"cache_bytes"`    // of log entries in memory
	// CacheHits counts how often entries to be applied or sent were in memory since the
	// start, CacheMisses how often they had to be read from the disk.
	CacheHits   uint64 `json:"cache_hits"`
	CacheMisses uint64 `json:"cache_misses"`
}

// MemberStatus is a member as another one sees it.
type MemberStatus struct {
	Name string   `json:"name"`
	ID   MemberID `json:"id"`
	Addr string   `json:"addr"`
	Role string   `json:"role"` // voter or learner; leaving while a change removes it
	// Match is up to where its log is known to equal the leader's, Active whether it
	// answered lately. Only a leader knows them of others.
	Match  Index `json:"match"`
	Active bool  `json:"active"`
	// Oldest and Newest are the cluster versions that its program understands, nil where
	// this member has no connection to it.
	Oldest *ClusterVersion `json:"oldest_version,omitempty"`
	Newest *ClusterVersion `json:"newest_version,omitempty"`
	// RTT is how long the member lately took to answer this leader at least, 0 where it is
	// not known, as on those that do not lead.
	RTT time.Duration `json:"rtt_ns,omitempty"`
	// Sent and Received are bytes between it and this member since this one started,
	// Dropped messages to it that were given up because too many waited or it could not be
	// reached. Only of transports that count.
	Sent     uint64 `json:"sent_bytes,omitempty"`
	Received uint64 `json:"received_bytes,omitempty"`
	Dropped  uint64 `json:"dropped_messages,omitempty"`
	// Snapshot is one on its way between it and this member, nil if there is none. Members
	// adds those that the leader sends.
	Snapshot *SnapshotTransfer `json:"snapshot,omitempty"`
}

// SnapshotTransfer is how far a snapshot has come on its way.
type SnapshotTransfer struct {
	Incoming bool  `json:"incoming"`
	Index    Index `json:"index"` // up to which entries are in it
	Bytes    int64 `json:"bytes"` // that have come through
	Size     int64 `json:"size"`  // of all of it, 0 where it is not known, as on who receives it
}

// TrafficCounter is a Transport that counts what goes between members; those of this
// module do.
type TrafficCounter interface{ Traffic() []wire.Traffic }

// String prints the member in a line, as in a term=3 leader last=17 commit=15.
func (s Status) String() string {
	return fmt.Sprintf("%s term=%d %s last=%d commit=%d applied=%d", s.Name, s.Term, s.Role, s.Last, s.Commit, s.Applied)
}

// Status looks at this member. After the node has ended it is what was true before.
func (n *Node[S, C, R]) Status() Status {
	var s Status
	if !n.ask(func() { s = n.look() }) {
		return n.lastStatus
	}
	return s
}

// look is the status, in the loop.
func (n *Node[S, C, R]) look() Status {
	s := statusOf(n.host.Status())
	s.Load.Proposals, s.Load.ProposalBytes = n.calls.load()
	s.Load.Sessions = int(n.machine.sessions.Load())
	s.Applied = max(s.Applied, Index(n.machine.answered.Load()))
	s.Load.Reads = n.readers.waiting(n.asked)
	if counts, ok := n.transport.(TrafficCounter); ok {
		s.count(counts.Traffic())
	}
	return s
}

func (s *Status) count(traffic []wire.Traffic) {
	for _, t := range traffic {
		for i := range s.Members {
			if m := &s.Members[i]; m.ID == t.ID {
				m.Sent, m.Received, m.Dropped = t.Sent, t.Received, t.Dropped
			}
		}
	}
}

func statusOf(s host.Status) Status {
	core := s.Core
	status := Status{
		Name: s.Card.Name, ID: s.Card.ID, Cluster: s.Card.Cluster, Addr: s.Card.Addr, Role: roleOf(s),
		LeaderID: core.Leader, Term: core.Term, Last: core.Last.Index, Durable: core.Durable,
		Commit: core.Committed, Applied: s.Applied.Index, Snapshot: s.Snapshot.Index, StateBytes: s.StateBytes,
		Version: s.Version, Compacted: s.LogStart.Index, LogBytes: s.LogBytes,
		Changing: s.Membership.Joint() || core.MembershipAt > core.Committed,
		Load:     Load{Forwards: s.Forwards, CacheBytes: s.CacheBytes, CacheHits: s.CacheFound.Hits, CacheMisses: s.CacheFound.Misses},
		Members:  []MemberStatus{},
	}
	if w := s.Writing; w != nil {
		status.Writing = &SnapshotTransfer{Index: w.Index, Bytes: w.Bytes, Size: w.Size}
	}
	if s.Waiting != nil {
		status.Waiting = s.Waiting.Error()
	}
	if s.Differ != nil {
		status.Diverged = s.Differ.Error()
	}
	for _, m := range s.Membership.All() {
		status.Members = append(status.Members, memberStatus(s, m))
		if m.ID == core.Leader {
			status.Leader = m.Name
		}
	}
	return status
}

func memberStatus(s host.Status, m wire.Member) MemberStatus {
	status := MemberStatus{Name: m.Name, ID: m.ID, Addr: m.Addr, Role: m.Role.String()}
	if s.Membership.Joint() && !contains(s.Membership.Members, m.ID) {
		status.Role = "leaving"
	}
	if m.ID == s.Card.ID {
		status.Match, status.Active = s.Core.Durable, true
	}
	for _, p := range s.Core.Peers {
		if p.ID == m.ID {
			status.Match, status.Active = p.Match, p.Active
		}
	}
	if r, known := s.Versions[m.ID]; known {
		status.Oldest, status.Newest = &r.Oldest, &r.Newest
	}
	status.RTT = s.RoundTrips[m.ID]
	for _, t := range s.Transfers {
		if t.Member == m.ID {
			status.Snapshot = transferOf(t)
		}
	}
	return status
}

func transferOf(t host.SnapshotTransfer) *SnapshotTransfer {
	return &SnapshotTransfer{Incoming: t.Incoming, Index: t.Index, Bytes: t.Bytes, Size: t.Size}
}

func contains(members []wire.Member, id MemberID) bool {
	for _, m := range members {
		if m.ID == id {
			return true
		}
	}
	return false
}

func roleOf(s host.Status) string {
	switch {
	case s.Repairing:
		return "repairing"
	case s.Removed:
		return "removed"
	case s.Card.Cluster == 0 && s.Founding:
		return "founding"
	case s.Card.Cluster == 0 || s.Membership.Empty():
		return "joining"
	case s.Core.Role == raft.Leader:
		return "leader"
	case s.Core.Role == raft.Candidate || s.Core.Role == raft.PreCandidate:
		return "candidate"
	case s.Membership.IsVoter(s.Card.ID):
		return "follower"
	}
	return "learner"
}
