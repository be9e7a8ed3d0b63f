package host_test

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

func TestReadsThatAreGivenUpAreNotAnswered(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	m.must("x")
	for token, q := range []host.ReadRequest{{}, {Level: host.LeaseRead}, {Level: host.AtLeast, Index: 1000}, {}} {
		q.Token = uint64(token)
		m.host.Read(q)
		if token == 0 {
			m.host.CancelRead(0) // before it was asked
		}
	}
	w.meddle = lose(func(l letter) bool { return l.Kind == wire.ReadIndexReply })
	w.step()
	m.host.CancelRead(1) // while it waits for the leader
	m.host.CancelRead(2) // while it waits for an entry
	w.meddle = nil
	w.until("the one that was not given up is answered", func() bool { return m.reads[3] })
	w.run(10 * time.Second)
	if len(m.reads) != 1 {
		t.Errorf("answered were %v, want the last alone", m.reads)
	}
}

func TestAReadAtAnIndexWaitsForIt(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(nil, "a")[0]
	a.must("x")
	next := a.host.Status().Applied.Index + 1
	a.host.Read(host.ReadRequest{Token: 1, Level: host.AtLeast, Index: next})
	w.run(5 * time.Second)
	if a.reads[1] {
		t.Fatalf("answered at %s, asked for %d", a.host.Status().Applied, next)
	}
	a.must("y")
	w.until("it is answered", func() bool { return a.reads[1] })
}

// Scenario zombie-leader-read: cut off from the others, a leader answers neither a
// linearizable read nor, once its lease is over, one by lease.
func TestACutOffLeaderAnswersNoReads(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	old := w.leader()
	old.must("x")
	apart := true
	w.meddle = lose(func(l letter) bool { return apart && (l.from == old || l.to.ID == old.card.ID) })
	w.run(20 * time.Millisecond)
	old.host.Read(host.ReadRequest{Token: 1})
	w.run(electionTimeout)
	old.host.Read(host.ReadRequest{Token: 2, Level: host.LeaseRead})
	old.host.Read(host.ReadRequest{Token: 3, Level: host.Stale, Age: 100 * time.Millisecond})
	w.leader2(others(all, old)).must("y")
	w.run(10 * time.Second)
	if len(old.reads) > 0 {
		t.Errorf("it answered %v", old.reads)
	}
	apart = false
	w.until("all are answered when it is back", func() bool { return len(old.reads) == 3 })
	if len(old.machine.Log) != 2 {
		t.Errorf("they saw %v", old.machine.Log)
	}
}
