package raft_test

import (
	"testing"

	"github.com/balsaraft/balsa/raft"
	"github.com/balsaraft/balsa/wire"
)

func lateNews(c *raft.Config) { c.LateNews = true }

// committed has an entry committed of which the followers have not heard, and drops the
// orders that came with it.
func (c *cluster) committed(t *testing.T) (leader *raft.Raft, at wire.Index) {
	t.Helper()
	leader = c.cores[0]
	c.tellAll()
	at = leader.Status().Last.Index + 1
	if _, err := leader.Propose(c.now, 1, 1); err != nil {
		t.Fatal(err)
	}
	c.settle(0)
	if s := leader.Status(); s.Committed != at {
		t.Fatalf("%d is committed, want %d", s.Committed, at)
	}
	return leader, at
}

// tellAll has everybody know what is committed.
func (c *cluster) tellAll() {
	c.cores[0].Tell()
	c.settle(0)
}

func (c *cluster) knownBy(id wire.MemberID) wire.Index { return c.cores[id-1].Status().Committed }

func TestNewsOfACommitGoWithTheNextEntries(t *testing.T) {
	c := newCluster(t, 3, lateNews)
	leader, first := c.committed(t)
	if !leader.Untold() || c.knownBy(2) >= first || c.knownBy(3) >= first {
		t.Fatalf("followers know of %d and %d before anything was sent, the leader says %v", c.knownBy(2), c.knownBy(3), leader.Untold())
	}
	if _, err := leader.Propose(c.now, 1, 1); err != nil {
		t.Fatal(err)
	}
	o := leader.Orders()
	if len(o.Send) != 2 || leader.Untold() {
		t.Errorf("entries and news are %d messages for two followers; is there more to tell: %v", len(o.Send), leader.Untold())
	}
	for _, m := range o.Send {
		if len(m.Spans) == 0 || m.Commit != first {
			t.Errorf("%s tells of %d, want entries and %d", m, m.Commit, first)
		}
	}
}

func TestNewsAreToldWhenAsked(t *testing.T) {
	c := newCluster(t, 3, lateNews)
	leader, at := c.committed(t)
	c.tellAll()
	if c.knownBy(2) != at || c.knownBy(3) != at || leader.Untold() {
		t.Errorf("followers know of %d and %d, want %d; is there more to tell: %v", c.knownBy(2), c.knownBy(3), at, leader.Untold())
	}
	leader.Tell()
	if o := leader.Orders(); len(o.Send) > 0 {
		t.Errorf("what all know is told again: %v", o.Send)
	}
}

func TestNewsGoWithAHeartbeatAtTheLatest(t *testing.T) {
	c := newCluster(t, 3, lateNews)
	leader, at := c.committed(t)
	c.now = leader.Deadline()
	leader.Step(c.now, raft.Tick{})
	c.settle(0)
	if c.knownBy(2) != at || c.knownBy(3) != at {
		t.Errorf("after a heartbeat followers know of %d and %d, want %d", c.knownBy(2), c.knownBy(3), at)
	}
}

// A follower's read waits until its state has what the leader named. It must not wait for
// the next entries, which may never come.
func TestWhoReadsIsToldWhatTheReadWaitsFor(t *testing.T) {
	for reader := wire.MemberID(2); reader <= 3; reader++ {
		c := newCluster(t, 3, lateNews)
		_, at := c.committed(t)
		c.cores[reader-1].Read(c.now, 7, false)
		c.settle(int(reader - 1))
		if known := c.knownBy(reader); known != at {
			t.Errorf("member %d knows of %d, its read waits for %d", reader, known, at)
		}
	}
}

func TestALeaderThatIsRemovedTellsOfIt(t *testing.T) {
	c := newCluster(t, 3, lateNews)
	leader := c.cores[0]
	rest, err := wire.NewMembership(wire.Member{ID: 2, Role: wire.Voter}, wire.Member{ID: 3, Role: wire.Voter})
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.ChangeMembers(c.now, rest.Members); err != nil {
		t.Fatal(err)
	}
	c.settle(0)
	end := leader.Status().Committed
	if leader.Status().Role == raft.Leader || c.knownBy(2) < end || c.knownBy(3) < end {
		t.Errorf("it is %s and knows of %d; the others of %d and %d", leader.Status().Role, end, c.knownBy(2), c.knownBy(3))
	}
}
