package host_test

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// delay keeps what goes to and from a member under way for some time.
func (w *world) delay(m *member, each time.Duration) {
	type late struct {
		letter
		at time.Duration
	}
	var waiting []late
	w.meddle = func(l letter) (now []letter) {
		if l.from == m || l.to.Addr == m.name {
			waiting = append(waiting, late{l, w.now + each})
		} else {
			now = append(now, l)
		}
		for len(waiting) > 0 && waiting[0].at <= w.now {
			now = append(now, waiting[0].letter)
			waiting = waiting[1:]
		}
		return now
	}
}

func TestALeaderKnowsHowFarAwayTheOthersAre(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	far, near := others(all, leader)[0], others(all, leader)[1]
	w.delay(far, 40*time.Millisecond)
	for range 100 {
		leader.propose("x") // so that there is always something under way
		w.run(50 * time.Millisecond)
	}
	trips := leader.host.Status().RoundTrips
	if got := trips[near.card.ID]; got <= 0 || got > 10*time.Millisecond {
		t.Errorf("the round trip to the one that is near is %s", got)
	}
	if got := trips[far.card.ID]; got < 80*time.Millisecond || got > 200*time.Millisecond {
		t.Errorf("the round trip to the one that is far away is %s, want 80ms and a little", got)
	}
	if trips := near.host.Status().RoundTrips; len(trips) > 0 {
		t.Errorf("a follower knows %v", trips)
	}
	for _, next := range []*member{near, leader} {
		if err := next.control(host.Command{Op: host.Transfer, Member: wire.Member{ID: next.card.ID}}); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		if trips := next.host.Status().RoundTrips; len(trips) != 2 {
			t.Errorf("after a second of its reign, %s knows %v", next.name, trips)
		}
	}
}

func TestAStatusShowsASnapshotOnItsWay(t *testing.T) {
	w := newWorld(t)
	leader, lags := lagging(w)
	w.meddle = lose(func(l letter) bool { return l.Kind == wire.SnapshotReply && l.Index > 1<<20 })
	lags.run()
	find := func(m *member) (on host.SnapshotTransfer) {
		for _, t := range m.host.Status().Transfers {
			on = t
		}
		return on
	}
	w.until("more than a megabyte has come through", func() bool {
		return find(leader).Bytes > 1<<19 && find(lags).Bytes > 1<<20
	})
	sent, came := find(leader), find(lags)
	if sent.Incoming || sent.Member != lags.card.ID || sent.Size < 3<<20 || sent.Bytes > 1<<20 || sent.Index != came.Index {
		t.Errorf("the leader sends %+v", sent)
	}
	if !came.Incoming || came.Member != leader.card.ID {
		t.Errorf("the other receives %+v", came)
	}
	var third *member
	for _, m := range others(w.members, leader) {
		if m != lags {
			third = m
		}
	}
	if err := third.control(host.Command{Op: host.Survey}); err != nil {
		t.Fatal(err)
	}
	for _, p := range third.survey {
		switch now := find(leader); {
		case p.ID != lags.card.ID && p.Snapshot != nil:
			t.Errorf("the leader tells a third member that it sends one to %s, too: %+v", p.ID, p.Snapshot)
		case p.ID == lags.card.ID && (p.Snapshot == nil || *p.Snapshot != now):
			t.Errorf("the leader tells a third member %+v of it, and sends %+v", p.Snapshot, now)
		}
	}
	w.meddle = nil
	w.agree()
	w.until("it is over", func() bool { return len(leader.host.Status().Transfers)+len(lags.host.Status().Transfers) == 0 })
}
