package host

import (
	"fmt"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

// EventKind says what has happened to a member.
type EventKind uint8

const (
	// LeaderChanged: Leader leads in Term; 0 if none is known.
	LeaderChanged EventKind = iota + 1
	// RoleChanged: this member's Role.
	RoleChanged
	// MembersChanged: Membership is in force, committed or not.
	MembersChanged
	// SnapshotTaken: the state up to Index is durable in a snapshot.
	SnapshotTaken
	// SnapshotFailed: Err says why.
	SnapshotFailed
	// SnapshotSending: Member lags too far for the log and gets a snapshot.
	SnapshotSending
	// SnapshotReceiving: Member sends one to this member.
	SnapshotReceiving
	// SnapshotInstalled: the state is that of a snapshot at Index.
	SnapshotInstalled
	// DiskFull: Err says where. Reads go on, writes wait.
	DiskFull
	// Joined: this member belongs to Cluster now.
	Joined
	// Waiting: founding or joining does not get on; Err says why.
	Waiting
	// MemberRefused: a handshake failed; Err says why.
	MemberRefused
	// Damaged: the member's files are; Err says which. It repairs itself from the others.
	Damaged
	// RemovedFromCluster: the cluster goes on without this member.
	RemovedFromCluster
	// Diverged: the state of Member differs from that of most members, or, if Member is
	// 0, members differ and no majority agrees. Err says at which entry and how.
	Diverged
	// Restored: the state is that of a backup since Index, on every member.
	Restored
)

var eventNames = [...]string{
	"", "leader-changed", "role-changed", "members-changed", "snapshot-taken", "snapshot-failed", "snapshot-sending",
	"snapshot-receiving", "snapshot-installed", "disk-full", "joined", "waiting", "member-refused",
	"damaged", "removed", "diverged", "restored",
}

func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// Event is something that people may want to know. Which fields count depends on Kind.
type Event struct {
	Kind       EventKind
	Term       wire.Term
	Leader     wire.MemberID
	Member     wire.MemberID
	Role       raft.Role
	Index      wire.Index
	Cluster    wire.ClusterID
	Membership wire.Membership
	Err        error
}

func (h *Host) event(e Event) { h.out.Events = append(h.out.Events, e) }
