package dashboard

import (
	"fmt"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/raft"
)

// describe says what has happened in words, "" for what is not worth a line.
func (r *Reporter) describe(e balsa.Event) (kind, text, role string) {
	kind = e.Kind.String()
	switch e.Kind {
	case balsa.LeaderChanged:
		switch e.Leader {
		case 0:
			return kind, fmt.Sprintf("knows no leader in term %d", e.Term), ""
		case r.id:
			return kind, fmt.Sprintf("leads in term %d", e.Term), ""
		}
		return kind, fmt.Sprintf("follows %s in term %d", r.nameOf(e.Leader), e.Term), ""
	case balsa.RoleChanged:
		return kind, roles[e.Role], e.Role.String() // a leader or follower says so with its term
	case balsa.MembersChanged:
		return kind, "the members are " + e.Membership.String(), ""
	case balsa.SnapshotTaken:
		return kind, fmt.Sprintf("took a snapshot up to entry %d", e.Index), ""
	case balsa.SnapshotFailed:
		return kind, fmt.Sprintf("could not take a snapshot: %v", e.Err), ""
	case balsa.SnapshotSending:
		return kind, fmt.Sprintf("sends %s a snapshot up to entry %d", r.nameOf(e.Member), e.Index), ""
	case balsa.SnapshotReceiving:
		return kind, fmt.Sprintf("gets a snapshot from %s", r.nameOf(e.Member)), ""
	case balsa.SnapshotInstalled:
		return kind, fmt.Sprintf("has the state of a snapshot at entry %d", e.Index), ""
	case balsa.DiskFull:
		return kind, fmt.Sprintf("has no space: %v", e.Err), ""
	case balsa.Joined:
		return kind, fmt.Sprintf("belongs to cluster %s", e.Cluster), ""
	case balsa.Waiting:
		return kind, fmt.Sprintf("waits: %v", e.Err), ""
	case balsa.MemberRefused:
		return kind, fmt.Sprintf("refused a connection: %v", e.Err), ""
	case balsa.Damaged:
		return kind, fmt.Sprintf("found damage and asks the others for a new copy: %v", e.Err), ""
	case balsa.RemovedFromCluster:
		return kind, "was removed from the cluster", ""
	case balsa.Diverged:
		return kind, fmt.Sprintf("states differ: %v", e.Err), ""
	}
	return kind, "", ""
}

// roles say what a member does from now on, where nothing else does.
var roles = map[raft.Role]string{
	raft.PreCandidate: "hears of no leader, and asks who would vote for it", raft.Candidate: "asks for votes",
}

// nameOf is what people call a member.
func (r *Reporter) nameOf(id balsa.MemberID) string {
	for _, m := range r.member.Status().Members {
		if m.ID == id {
			return m.Name
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if h, was := r.heard[id]; was {
		return h.Report.Name
	}
	return id.String()
}
