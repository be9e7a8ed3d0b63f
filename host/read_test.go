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

// A follower asks the leader one question after the other: reads that come meanwhile go
// with the next. If the answer is late, they wait no longer than a millisecond.
func TestReadsThatComeWhileAQuestionIsOutShareTheNext(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	m := others(all, w.leader())[0]
	m.must("x")
	questions, lastAsked := 0, time.Duration(0)
	far := false
	w.meddle = func(l letter) []letter {
		if l.from == m && l.Kind == wire.ReadIndex {
			questions, lastAsked = questions+1, w.now
			if far {
				return nil
			}
		}
		return []letter{l}
	}
	read := func(token uint64) {
		m.host.Read(host.ReadRequest{Token: token})
		m.due = w.now
	}
	for token := range uint64(10) {
		read(token)
		m.turn()
	}
	if !m.host.HoldsReads() {
		t.Error("nobody says that reads may gather")
	}
	w.until("all are answered", func() bool { return len(m.reads) == 10 })
	if questions != 2 {
		t.Errorf("%d questions for reads of which the first went alone, want 2", questions)
	}
	questions, far = 0, true
	began := w.now
	read(10)
	w.step()
	read(11)
	w.until("the second is asked", func() bool { return questions == 2 })
	if waited := lastAsked - began; waited > 3*time.Millisecond { // of which a step on the way is one
		t.Errorf("it has waited for %s", waited)
	}
}
