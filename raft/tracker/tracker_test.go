package tracker_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/balsaraft/balsa/raft/tracker"
	"github.com/balsaraft/balsa/wire"
)

func show(p *tracker.Peer) string {
	return fmt.Sprintf("%s match=%d next=%d", p.State, p.Match, p.Next)
}

func expect(t *testing.T, p *tracker.Peer, want string) {
	t.Helper()
	if got := show(p); got != want {
		t.Errorf("the peer is %q, want %q", got, want)
	}
}

// replicating is a peer that is known to agree up to match.
func replicating(match wire.Index) *tracker.Peer {
	p := tracker.New(2, 1, match+1, 0)
	p.Acked(match, 0)
	return p
}

func TestAProbeWaitsForItsAnswer(t *testing.T) {
	p := tracker.New(2, 1, 10, 0)
	if p.Paused() {
		t.Error("a peer of which nothing is known is not asked")
	}
	p.Sent(12, 100)
	if !p.Paused() {
		t.Error("a second probe goes out before the first is answered")
	}
	expect(t, p, "probe match=0 next=10")
}

func TestAnAnsweredProbeStartsReplicationBehindWhatItCarried(t *testing.T) {
	p := tracker.New(2, 1, 10, 0)
	p.Sent(12, 100)
	if !p.Acked(9, 0) {
		t.Error("the first answer is no news")
	}
	expect(t, p, "replicate match=9 next=13")
}

func TestEntriesOfAnEarlierProbeAreNotReliedUpon(t *testing.T) {
	p := tracker.New(2, 1, 10, 0)
	p.Sent(12, 100)
	p.Probed()
	p.Acked(9, 0)
	expect(t, p, "replicate match=9 next=10")
}

func TestMatchMovesByAnswersAndNeverByWhatWasSent(t *testing.T) {
	p := replicating(9)
	p.Sent(15, 100)
	expect(t, p, "replicate match=9 next=16")
	if p.Acked(9, 0) {
		t.Error("an answer that says nothing new is news")
	}
	if !p.Acked(12, 0) {
		t.Error("an answer that says something new is none")
	}
	expect(t, p, "replicate match=12 next=16")
}

func TestALateAnswerMovesNothingBackwards(t *testing.T) {
	p := replicating(9)
	p.Sent(15, 100)
	p.Acked(15, 0)
	for _, late := range []wire.Index{14, 9, 0} {
		if p.Acked(late, 0) {
			t.Errorf("the late answer %d is news", late)
		}
	}
	if p.Rejected(12, 4) {
		t.Error("a late rejection of what is known to match is news")
	}
	expect(t, p, "replicate match=15 next=16")
}

func TestARejectionLooksForAgreementAboveMatch(t *testing.T) {
	p := replicating(9)
	p.Sent(20, 100)
	if !p.Rejected(15, 3) {
		t.Error("a rejection of what was sent is no news")
	}
	expect(t, p, "probe match=9 next=10")
	if p.Window.Bytes() != 0 {
		t.Errorf("%d bytes are still on the way after a rejection", p.Window.Bytes())
	}
}

func TestAProbeIsOnlyMovedByTheAnswerToItself(t *testing.T) {
	p := tracker.New(2, 1, 10, 0)
	p.Sent(12, 100)
	if p.Rejected(7, 2) || p.Rejected(11, 2) {
		t.Error("the rejection of something else is news")
	}
	if !p.Rejected(9, 20) {
		t.Error("the rejection of the probe is no news")
	}
	expect(t, p, "probe match=0 next=9")
}

func TestAProbeAlwaysGetsCloser(t *testing.T) {
	p := tracker.New(2, 1, 10, 0)
	for range 9 {
		before := p.Next
		p.Sent(p.Next, 1)
		if !p.Rejected(p.Next-1, p.Next-1) || p.Next >= before {
			t.Fatalf("a rejection moved next from %d to %d", before, p.Next)
		}
	}
	expect(t, p, "probe match=0 next=1")
}

func TestASnapshotStopsEntriesUntilItHasArrived(t *testing.T) {
	p := tracker.New(2, 1, 3, 0)
	p.AwaitSnapshot(20)
	if p.Rejected(2, 0) {
		t.Error("a rejection disturbs a snapshot that is under way")
	}
	p.Acked(2, 0)
	expect(t, p, "snapshot match=2 next=3")
	if !p.SnapshotArrived(25) {
		t.Error("the arrival of a snapshot is no news")
	}
	expect(t, p, "probe match=25 next=26")
}

func TestAPeerThatCaughtUpOtherwiseNeedsNoSnapshot(t *testing.T) {
	p := tracker.New(2, 1, 3, 0)
	p.AwaitSnapshot(20)
	p.Acked(22, 0)
	expect(t, p, "replicate match=22 next=23")
	if p.SnapshotArrived(20) {
		t.Error("a snapshot that is older than the log is news")
	}
	expect(t, p, "replicate match=22 next=23")
}

func TestAFailedSnapshotIsNotAskedForAgainAtOnce(t *testing.T) {
	p := tracker.New(2, 1, 3, 0)
	p.AwaitSnapshot(20)
	p.SnapshotFailed()
	if !p.Paused() {
		t.Error("the next attempt does not wait")
	}
	expect(t, p, "probe match=0 next=1")
}

func TestANewConnectionProbesAgainFromWhatIsKnown(t *testing.T) {
	p := replicating(9)
	p.Sent(20, 100)
	p.Asked, p.Told = 4, 9
	p.Reconnected(2)
	expect(t, p, "probe match=9 next=10")
	if p.Session != 2 || p.Asked != 0 || p.Told != 0 || p.Window.Bytes() != 0 {
		t.Errorf("something of the last session is left: %+v", *p)
	}
}

func TestANewConnectionDoesNotEndASnapshot(t *testing.T) {
	p := tracker.New(2, 1, 3, 0)
	p.AwaitSnapshot(20)
	p.Reconnected(2)
	expect(t, p, "snapshot match=0 next=3")
}

func TestContactIsWhenTheAnsweredRoundBegan(t *testing.T) {
	p := tracker.New(2, 1, 1, 0)
	if p.Active(-1) {
		t.Error("a peer that never answered is active")
	}
	p.Heard(3, 30*time.Second)
	p.Heard(2, 40*time.Second) // late: an older round's answer proves nothing newer
	if p.Answered != 3 || p.Contact != 30*time.Second {
		t.Errorf("answered round %d at %v, want 3 at 30s", p.Answered, p.Contact)
	}
	if !p.Active(29*time.Second) || p.Active(30*time.Second) {
		t.Error("activity is not judged by the moment at which the round began")
	}
}

func TestTheWindowPushesBack(t *testing.T) {
	var w tracker.Window
	if w.Full(1, 1) {
		t.Error("an empty window is full: one large entry would never pass")
	}
	w.Add(5, 700)
	if w.Full(2, 701) || !w.Full(1, 10_000) || !w.Full(10, 700) {
		t.Error("a window is not full exactly where count or bytes are reached")
	}
	w.Add(9, 300)
	w.Release(4)
	if w.Bytes() != 1000 {
		t.Errorf("%d bytes are on the way, want 1000", w.Bytes())
	}
	w.Release(5)
	if w.Bytes() != 300 {
		t.Errorf("%d bytes are on the way, want 300", w.Bytes())
	}
	w.Release(100)
	if w.Bytes() != 0 || w.Full(1, 1) {
		t.Error("one answer does not cover all that was sent before it")
	}
}

// Whatever is reported in whatever order, match never falls and next stays behind it.
func TestMatchNeverFallsAndNextStaysAhead(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	draw := func() wire.Index { return wire.Index(chance.IntN(30)) }
	for range 2_000 {
		p := tracker.New(2, 1, 1+draw(), 0)
		last := p.Match
		for step := range 60 {
			switch chance.IntN(9) {
			case 0, 1:
				p.Acked(min(draw(), p.Next+5), 0)
			case 2:
				p.Rejected(draw(), draw())
			case 3, 4:
				if p.State != tracker.Snapshot && !p.Paused() {
					p.Sent(p.Next+draw(), 10)
				}
			case 5:
				p.AwaitSnapshot(p.Match + draw())
			case 6:
				p.SnapshotArrived(draw())
			case 7:
				p.SnapshotFailed()
			case 8:
				p.Reconnected(p.Session + 1)
			}
			if p.Match < last || p.Next <= p.Match || p.Window.Bytes() < 0 {
				t.Fatalf("step %d: match went from %d to %d with next %d", step, last, p.Match, p.Next)
			}
			last = p.Match
		}
	}
}

func TestStatesPrintAsWords(t *testing.T) {
	if got := fmt.Sprint(tracker.Probe, tracker.Replicate, tracker.Snapshot); got != "probe replicate snapshot" {
		t.Errorf("states print as %q", got)
	}
}

func TestAPeerThatLacksWhatItHeldIsNoticedMoreAndMoreSeldom(t *testing.T) {
	p := replicating(10)
	p.Acked(20, 7)
	for _, c := range []struct {
		what  string
		round uint64
		asked wire.Index
		lacks bool
	}{
		{"an answer to a question that was asked before the peer had the entry", 7, 15, false},
		{"one about entries that it never had", 8, 21, false},
		{"one that was asked afterwards", 8, 20, true},
		{"the second", 9, 20, true},
		{"the third", 10, 20, false},
		{"the fourth", 11, 20, true},
		{"the fifth", 12, 20, false},
	} {
		if got := p.Lacks(c.round, c.asked); got != c.lacks {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	p.Reconnected(2)
	if !p.Lacks(13, 20) {
		t.Error("in a new session it is not noticed again")
	}
	p.SnapshotArrived(50)
	p.Reconnected(3)
	if p.Lacks(14, 50) {
		t.Error("a snapshot that is not in the log yet is taken for lost entries")
	}
}
