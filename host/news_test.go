package host_test

import (
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// held brings a cluster to the moment at which a proposal of the leader is committed and
// not yet applied.
func held(t *testing.T) (w *world, leader *member, rest []*member, at wire.Index) {
	w = newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader = w.leader()
	leader.must("x")
	w.agree()
	at = leader.host.Status().Core.Last.Index + 1
	leader.propose("y")
	leader.due = w.now
	w.until("followers are to hear of the commit", leader.host.HoldsNews)
	return w, leader, others(all, leader), at
}

// knows says up to where a member knows what is committed.
func (m *member) knows() wire.Index { return m.host.Status().Core.Committed }

// One caller that proposes again and again takes two messages a command, and not four.
func TestWhatIsProposedAtTheAnswerTakesTheNewsAlong(t *testing.T) {
	w, leader, _, at := held(t)
	w.mail = nil
	for _, task := range leader.tasks {
		task.Run()
		leader.host.Finish(task)
	}
	leader.tasks = nil
	leader.propose("z")
	leader.turn()
	if len(w.mail) != 2 {
		t.Errorf("%d messages for two followers", len(w.mail))
	}
	for _, l := range w.mail {
		if l.Kind != wire.Append || len(l.Spans) == 0 || l.Commit != at {
			t.Errorf("%s goes out, want entries that tell of %d", &l.Message, at)
		}
	}
}

func TestFollowersHearOfACommitWhoseCallersDoNotComeBack(t *testing.T) {
	w, _, rest, at := held(t)
	began := w.now
	w.until("all know", func() bool { return rest[0].knows() == at && rest[1].knows() == at })
	if took := w.now - began; took > 5*time.Millisecond { // a step to apply, one on the way
		t.Errorf("they heard of it after %s", took)
	}
}

// The leader's own state machine may be slow.
func TestFollowersDoNotWaitForTheLeadersStateMachine(t *testing.T) {
	w, leader, rest, at := held(t)
	leader.hold = func(task *host.Task) bool { return task.Lane == host.ApplyLane }
	began := w.now
	w.until("all know", func() bool { return rest[0].knows() == at && rest[1].knows() == at })
	if took := w.now - began; took > 5*time.Millisecond {
		t.Errorf("they heard of it after %s", took)
	}
	leader.hold = nil
	w.agree()
}
