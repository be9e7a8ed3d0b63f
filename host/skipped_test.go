package host_test

import (
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Scenario forwarded-result: a command that came to the leader after its session had
// expired leaves no trace in the state. If a snapshot then stands for its entry, nobody
// tells its caller by himself: it must be asked for again.
func TestACommandThatExpiredWithinASnapshotIsAnswered(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.SessionTTL = 10 * time.Second }, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	w.agree()
	late, taken := true, false
	w.meddle = func(l letter) []letter {
		switch {
		case l.Kind == wire.Forward && l.from == m && late:
			return nil // it is on its way for longer than the session lasts
		case l.Kind == wire.Append && l.to.ID == m.card.ID && len(l.Spans) > 0:
			return nil // it hears that there is a leader, and not what was appended
		case l.Kind == wire.ForwardReply && l.to.ID == m.card.ID:
			taken = taken || !l.Reject
		}
		return []letter{l}
	}
	before := leader.host.Status().Applied.Index
	seq := m.propose("y")
	w.run(20 * time.Second)
	late = false
	w.until("the leader has it, and says so", func() bool { return taken && leader.host.Status().Applied.Index > before })
	late = true // what it sends again by itself does not arrive
	w.run(50 * time.Millisecond)
	if m.machine.answered(seq) {
		t.Fatal("it was answered before it could know")
	}
	leader.host.TakeSnapshot(func(error) {})
	w.until("a snapshot stands for its entry", func() bool { _, ok := m.saw(host.SnapshotInstalled); return ok })
	w.meddle = nil
	w.until("it is answered", func() bool { return m.machine.answered(seq) })
	if got := m.machine.answers[seq]; got != "expired" || len(w.agree()) != 1 {
		t.Errorf("the answer is %q, applied was %v", got, m.machine.Log)
	}
}

// A member's session expires within a snapshot. Of a command that it had sent nobody can
// tell there whether it ran before; one that it had not sent goes under its next session,
// and so does whatever is proposed from then on. Scenario session-lost-in-snapshot.
func TestAMemberWhoseSessionIsNotInASnapshotOpensAnother(t *testing.T) {
	const ttl = 10 * time.Second
	w := newWorld(t)
	all := w.cluster(func(c *host.Config) { c.SessionTTL = ttl }, "a", "b", "c")
	leader := w.leader()
	m := others(all, leader)[0]
	m.must("x")
	w.agree()
	w.meddle = lose(func(l letter) bool { return l.to.ID == m.card.ID && l.Kind == wire.Append && len(l.Spans) > 0 })
	sent := m.propose("sent")
	w.until("it has run elsewhere", func() bool { return slices.Contains(leader.machine.Log, "sent") })
	w.run(2 * ttl)
	leader.must("y")
	leader.must("z")
	leader.host.TakeSnapshot(func(error) {})
	m.hold = onLane(host.ApplyLane)
	w.until("the snapshot is about to be its state", func() bool { return slices.ContainsFunc(m.tasks, m.hold) })
	cut := w.meddle
	w.meddle = lose(func(l letter) bool { return l.from == m || l.to.ID == m.card.ID })
	w.until("it knows no leader", func() bool { return m.host.Status().Core.Leader == 0 })
	kept := m.propose("kept")
	m.hold, w.meddle = nil, cut
	w.until("what was sent is refused", func() bool { _, told := m.refused[sent]; return told })
	if _, installed := m.saw(host.SnapshotInstalled); !installed || m.refused[sent].Sure {
		t.Errorf("by a snapshot: %v; refused for sure, though it has run: %v", installed, m.refused[sent].Sure)
	}
	m.machine.giveUp(sent)
	w.meddle = nil
	if got := m.must("next"); got == "expired" {
		t.Error("the next command went under the session that has expired")
	}
	w.until("what was kept is answered", func() bool { return m.machine.answered(kept) })
	if r, refused := m.refused[kept]; refused {
		t.Errorf("what had not left is refused: %v", r.Err)
	}
	got := w.agree()
	slices.Sort(got)
	if want := []string{"kept", "next", "sent", "x", "y", "z"}; !slices.Equal(got, want) {
		t.Errorf("applied was %v, want each once of %v", got, want)
	}
}

// A copy of the entry that opened a session is on its way for longer than the session
// lasts. What was answered in it is forgotten by then, so that no copy of its commands may
// run again. Scenario session-expiry.
func TestALateCopyOfAnOpeningDoesNotOpenASessionAgain(t *testing.T) {
	w := newWorld(t)
	var copies []letter
	w.meddle = func(l letter) []letter {
		if l.Kind == wire.Forward {
			copies = append(copies, l)
		}
		return []letter{l}
	}
	all := w.cluster(func(c *host.Config) { c.SessionTTL = 10 * time.Second }, "a", "b", "c")
	leader := w.leader()
	others(all, leader)[0].must("x")
	w.run(30 * time.Second)
	leader.must("y") // the session of x has expired by the time of this
	w.meddle = nil
	var late []wire.Message
	for _, l := range copies {
		late = append(late, l.Message)
	}
	w.inject(others(all, leader)[1], leader, wire.ForwardReply, late...)
	leader.must("z")
	if got := w.agree(); len(got) != 3 {
		t.Errorf("applied was %v, and x, y and z once each were to be", got)
	}
}
