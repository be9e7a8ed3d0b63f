package main

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/rpc/balsav1"
)

// fixedMembers is a member that answers how far the members are, and nothing else.
type fixedMembers struct {
	balsav1.UnimplementedClusterHandler
	members []*balsav1.MemberStatus
}

func (s *fixedMembers) Members(context.Context, *balsav1.MembersRequest) (*balsav1.MembersResponse, error) {
	return &balsav1.MembersResponse{Members: s.members}, nil
}

// add and promote tell first of the snapshot, during which the log of the newcomer stands
// still, then of the entries after it.
func TestAnIntakeIsTheSnapshotsBytesThenEntries(t *testing.T) {
	b := &balsav1.MemberStatus{Name: "b", Id: balsa.MemberID(2).String(), Role: "learner"}
	cluster := &fixedMembers{members: []*balsav1.MemberStatus{{Name: "a", Id: balsa.MemberID(1).String(), Role: "voter", Match: 900}, b}}
	_, h := balsav1.NewClusterHandler(cluster)
	server := httptest.NewServer(h)
	defer server.Close()
	ask := servers{Server: []string{server.URL}, Timeout: time.Minute}
	for _, c := range []struct {
		match    uint64
		snapshot *balsav1.SnapshotTransfer
		want     intake
	}{
		{0, &balsav1.SnapshotTransfer{Index: 800, Bytes: 3 << 20, Size: 9 << 20}, intake{"b receives the state", inBytes, 3 << 20, 9 << 20}},
		{850, nil, intake{"b catches up", counted("entries"), 850, 900}},
		// What b itself says, if it is asked: it knows no size.
		{0, &balsav1.SnapshotTransfer{Incoming: true, Bytes: 5}, intake{"b catches up", counted("entries"), 0, 900}},
	} {
		b.Match, b.Snapshot = c.match, c.snapshot
		err := ask.with(t.Context(), func(ctx context.Context, s store) error {
			if got, ok := s.intakeOf(ctx, 2); !ok || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, ok, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
