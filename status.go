package balsa

import (
	"fmt"

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
	Applied  Index    `json:"applied"`
	Snapshot Index    `json:"snapshot"`  // of the newest snapshot
	LogBytes int64    `json:"log_bytes"` // on disk
	// Waiting says why there is no leader, "" if there is one.
	Waiting string         `json:"waiting,omitempty"`
	Members []MemberStatus `json:"members"`
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
}

// String prints the member in a line, as in a term=3 leader last=17 commit=15.
func (s Status) String() string {
	return fmt.Sprintf("%s term=%d %s last=%d commit=%d applied=%d", s.Name, s.Term, s.Role, s.Last, s.Commit, s.Applied)
}

// Status looks at this member. After the node has ended it is what was true before.
func (n *Node[S, C, R]) Status() Status {
	var s host.Status
	if !n.ask(func() { s = n.host.Status() }) {
		return n.lastStatus
	}
	return statusOf(s)
}

func statusOf(s host.Status) Status {
	core := s.Core
	status := Status{
		Name: s.Card.Name, ID: s.Card.ID, Cluster: s.Card.Cluster, Addr: s.Card.Addr, Role: roleOf(s),
		LeaderID: core.Leader, Term: core.Term, Last: core.Last.Index, Durable: core.Durable,
		Commit: core.Committed, Applied: s.Applied.Index, Snapshot: s.Snapshot.Index, LogBytes: s.LogBytes,
		Members: []MemberStatus{},
	}
	if s.Waiting != nil {
		status.Waiting = s.Waiting.Error()
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
	return status
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
