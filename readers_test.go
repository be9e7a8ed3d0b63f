package balsa

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/host"
)

// joinMany adds callers that want the same, and returns the group that they are in.
func joinMany(t *testing.T, r *readers, request host.ReadRequest, callers int) (g *readGroup, wakes int) {
	t.Helper()
	for range callers {
		joined, wake, err := r.join(request)
		if err != nil || g != nil && joined != g {
			t.Fatalf("joined %p, %v; others that want the same are in %p", joined, err, g)
		}
		if g = joined; wake {
			wakes++
		}
	}
	return g, wakes
}

func TestReadsThatWantTheSameGoTogether(t *testing.T) {
	var r readers
	for _, request := range []host.ReadRequest{{}, {Level: host.LeaseRead}, {Level: host.Stale, Age: 1}, {Level: host.Stale, Age: 2}, {Level: host.AtLeast, Index: 7}} {
		g, wakes := joinMany(t, &r, request, 100)
		if g.callers != 100 || wakes != 1 {
			t.Errorf("%+v: %d callers, and the loop is woken %d times", request, g.callers, wakes)
		}
	}
	if n := len(r.take(nil)); n != 5 {
		t.Errorf("%d groups were taken, want one of each kind", n)
	}
	if n := len(r.take(nil)); n != 0 {
		t.Errorf("%d groups were taken twice", n)
	}
}

// While a question is on its way, the next is for all who come meanwhile.
func TestLinearizableReadsGatherWhileAQuestionIsOnItsWay(t *testing.T) {
	var r readers
	r.hold(true)
	held, wakes := joinMany(t, &r, host.ReadRequest{}, 10)
	if wakes != 0 || len(r.take(nil)) != 0 {
		t.Errorf("they woke the loop %d times, and were taken", wakes)
	}
	if _, wakes := joinMany(t, &r, host.ReadRequest{Level: host.AtLeast}, 10); wakes != 1 || len(r.take(nil)) != 1 {
		t.Errorf("reads that ask nobody woke the loop %d times", wakes)
	}
	if !r.hold(false) {
		t.Error("nobody says that some have gathered")
	}
	if taken := r.take(nil); len(taken) != 1 || taken[0] != held {
		t.Errorf("%v were taken", taken)
	}
	if r.hold(true); r.hold(false) {
		t.Error("the loop turns for nobody")
	}
}

// Who was answered and comes back is no longer away.
func TestReadersWhoWereAnsweredAreExpectedBack(t *testing.T) {
	var r readers
	want := func(when string, waiting, away int) {
		t.Helper()
		if w, a := r.gathered(); w != waiting || a != away {
			t.Errorf("%s: %d wait, %d are away; want %d, %d", when, w, a, waiting, away)
		}
	}
	g, _ := joinMany(t, &r, host.ReadRequest{}, 10)
	r.leave(g)
	r.take(nil)
	r.let(g, nil)
	want("nine of ten were answered", 0, 9)
	joinMany(t, &r, host.ReadRequest{}, 4)
	want("four are back", 4, 5)
	r.stayAway()
	want("the others do not come", 4, 0)
}

// Most answers come within patience, and to wait for a context beside them costs as much
// again: it is done where they do not.
func TestCallersMindTheirContextsOnceTheirGroupIsLate(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			ctx      context.Context
			late     bool
			answered bool
		}{
			"an answer that comes soon": {ended, false, true},
			"a late one":                {context.Background(), true, true},
			"none before the context of a late one has ended": {ended, true, false},
		} {
			g := newReadGroup(host.ReadRequest{})
			told := false
			var answered bool
			go func() { answered, told = g.await(c.ctx), true }()
			if synctest.Wait(); told {
				t.Errorf("%s: a group without an answer, and not late, lets a caller go", name)
			}
			if c.late {
				g.beLate()
			}
			if synctest.Wait(); told != (c.late && !c.answered) {
				t.Errorf("%s: the caller was told without an answer: %v", name, told)
			}
			g.answer(ErrClosed)
			if synctest.Wait(); !told || answered != c.answered || g.err != ErrClosed {
				t.Errorf("%s: told %v, answered %v with %v", name, told, answered, g.err)
			}
		}
	})
}

func TestNobodyJoinsOnceTheNodeHasEnded(t *testing.T) {
	var r readers
	early, _ := joinMany(t, &r, host.ReadRequest{}, 3)
	if left := r.close(ErrClosed); len(left) != 1 || left[0] != early {
		t.Errorf("%v are left", left)
	}
	if _, _, err := r.join(host.ReadRequest{}); !errors.Is(err, ErrClosed) {
		t.Errorf("joined with %v", err)
	}
}

// HoldLoop keeps a node's loop busy until it is released.
func HoldLoop[S StateMachine[C, R], C, R any](n *Node[S, C, R]) (release func()) {
	held, over := make(chan struct{}), make(chan struct{})
	go n.ask(func() { close(held); <-over })
	<-held
	return func() { close(over) }
}

// A state's age goes by a clock that may stand still while the machine sleeps. Once the
// calendar says that it did, only the loop knows how old the state is.
func TestAfterASleepOnlyTheLoopKnowsTheStatesAge(t *testing.T) {
	c := newClock()
	c.now()
	var g glance
	if g.fresh(&c, time.Hour) {
		t.Error("nobody has said how new the state is")
	}
	g.note(&c, c.sinceStart(), true)
	if !g.fresh(&c, time.Hour) || g.fresh(&c, 0) {
		t.Error("a state of now is not newer than an hour, or as new as can be")
	}
	g.note(&c, c.sinceStart()-2*time.Hour, true)
	if !g.fresh(&c, time.Hour) {
		t.Error("the state has become older")
	}
	asleep := *g.last.Load()
	asleep.ahead -= time.Hour
	g.last.Store(&asleep)
	if g.fresh(&c, time.Hour) {
		t.Error("the calendar has gained an hour on the clock, and the state is still new")
	}
	g.note(&c, c.sinceStart(), true)
	if !g.fresh(&c, time.Hour) {
		t.Error("the loop has looked at its clocks, and nobody hears of it")
	}
}

func TestToTellWhatIsKnownMakesNoGarbage(t *testing.T) {
	c := newClock()
	var g glance
	at := c.sinceStart()
	g.note(&c, at, true)
	if n := testing.AllocsPerRun(100, func() { g.note(&c, at, true) }); n > 0 {
		t.Errorf("%v allocations to tell the same again", n)
	}
}
