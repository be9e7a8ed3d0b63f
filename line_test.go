package balsa

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/balsaraft/balsa/host"
)

// serve lets so many join, be taken and be answered.
func serve(t *testing.T, l *line, callers int) {
	t.Helper()
	for range callers {
		l.join(host.Linearizable)
	}
	g := l.take()
	if g == nil || g.callers != callers {
		t.Fatalf("took %+v, want a group of %d", g, callers)
	}
	l.answered(g.callers)
}

// joins are how many join until one of them wakes the loop.
func joins(l *line, most int) int {
	for n := 1; n <= most; n++ {
		if _, wake := l.join(host.Linearizable); wake {
			return n
		}
	}
	return 0
}

// Those who were answered together are taken together, but for a few that may be kept.
func TestTheLoopSleepsUntilThoseWhoWereAnsweredAreBack(t *testing.T) {
	for _, c := range []struct{ answered, wanted int }{{1, 1}, {fewest - 1, 1}, {fewest, fewest}, {8, 7}, {256, 224}} {
		var l line
		serve(t, &l, c.answered)
		if l.expect(1) {
			t.Errorf("%d were answered: the loop turns for nobody", c.answered)
		}
		if n := joins(&l, c.answered); n != c.wanted {
			t.Errorf("%d were answered: the loop was woken by caller %d who came back, want %d", c.answered, n, c.wanted)
		}
		if g := l.take(); g == nil || g.callers != c.wanted {
			t.Errorf("%d were answered: %+v was taken", c.answered, g)
		}
	}
}

// Those who came back before the loop said how many it waits for do not wake it, so it
// looks itself.
func TestWhoCameBackBeforeTheLoopSaysSoIsNotForgotten(t *testing.T) {
	var l line
	serve(t, &l, 16)
	l.held = true
	l.expect(1)
	if n := joins(&l, 16); n != 0 {
		t.Fatalf("caller %d woke the loop while all are held", n)
	}
	if l.held = false; !l.expect(2) {
		t.Error("nobody says that all are back")
	}
}

// A caller waits no longer than a moment for others who do not come back, and if that was
// in vain, the next ones do not wait at all.
func TestNobodyWaitsForLongForThoseWhoStayAway(t *testing.T) {
	var l line
	serve(t, &l, 16)
	l.expect(1)
	if n := joins(&l, 3); n != 0 {
		t.Fatalf("caller %d of 16 woke the loop", n)
	}
	if l.giveUp(1 + longestReturn - 1); l.take() != nil {
		t.Error("three were taken before the moment was over")
	}
	if at, any := l.due(); !any || at != 1+longestReturn {
		t.Errorf("the moment ends at %v, %v", at, any)
	}
	l.giveUp(1 + longestReturn)
	if g := l.take(); g == nil || g.callers != 3 {
		t.Fatalf("%+v was taken after the moment", g)
	}
	for range firstRest - 1 {
		l.answered(16)
		l.expect(3)
		if n := joins(&l, 1); n != 1 {
			t.Fatal("a caller is kept waiting just after it was in vain")
		}
		l.take()
	}
	l.answered(16)
	if l.expect(4); joins(&l, 1) != 0 {
		t.Error("nobody is expected back ever again")
	}
	l.giveUp(4 + longestReturn)
	if l.rest != 2*firstRest {
		t.Errorf("in vain again, and the next %d groups are not kept waiting; want %d", l.rest, 2*firstRest)
	}
}

// Nobody is kept waiting by those who come back to nothing.
func TestWhereNobodyComesBackNobodyWaitedInVain(t *testing.T) {
	var l line
	serve(t, &l, 16)
	l.expect(1)
	l.giveUp(1 + longestReturn)
	if n := joins(&l, 1); n != 1 || l.rest != 0 {
		t.Errorf("the loop was woken by caller %d, and the next %d groups are not kept waiting", n, l.rest)
	}
}

// However callers, the loop and the end of a node meet, each caller is in one group, of
// which the loop knows how many are in it.
func TestEachCallerIsInOneGroup(t *testing.T) {
	const callers, each = 8, 2000
	var l line
	var joined, refused atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				if g, _ := l.join(host.Linearizable); g == nil {
					refused.Add(1)
					continue
				}
				joined.Add(1)
			}
		})
	}
	found := int64(0)
	for found < callers*each/2 {
		if g := l.take(); g != nil {
			found += int64(g.callers)
		}
	}
	if g := l.close(); g != nil {
		found += int64(g.callers)
	}
	all.Wait()
	if joined.Load() != found || joined.Load()+refused.Load() != callers*each {
		t.Errorf("%d joined, %d were refused, and the loop found %d", joined.Load(), refused.Load(), found)
	}
}
