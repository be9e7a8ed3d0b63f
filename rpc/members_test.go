package rpc

import (
	"testing"

	"github.com/balsaraft/balsa"
)

func TestMembersTellOfSnapshotsOnTheirWay(t *testing.T) {
	all := members([]balsa.MemberStatus{{Name: "a"}, {Name: "b", Snapshot: &balsa.SnapshotTransfer{Incoming: true, Index: 7, Bytes: 8, Size: 9}}})
	if all[0].Snapshot != nil {
		t.Errorf("one that there is not: %v", all[0].Snapshot)
	}
	if s := all[1].Snapshot; !s.GetIncoming() || s.GetIndex() != 7 || s.GetBytes() != 8 || s.GetSize() != 9 {
		t.Errorf("%v", s)
	}
}
