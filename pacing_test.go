package balsa

import (
	"context"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

func TestProposalsWaitForABatchThatIsOnItsWay(t *testing.T) {
	for name, c := range map[string]struct {
		waiting, flying int
		goes            bool
	}{
		"one caller":                          {1, 0, true},
		"a few callers who wait for nobody":   {1, 3, true},
		"as many wait as are on their way":    {8, 8, true},
		"most wait":                           {11, 5, true},
		"most are on their way":               {5, 11, false},
		"one is early, all others on the way": {1, 63, false},
		"many are on their way":               {1, 255, true},
		"nobody waits":                        {0, 16, true},
	} {
		t.Run(name, func(t *testing.T) {
			var p pacing
			if goes := p.takes(time.Second, c.waiting, c.flying); goes != c.goes {
				t.Errorf("with %d waiting and %d on their way it says %v", c.waiting, c.flying, goes)
			}
			if _, holds := p.due(); holds == c.goes {
				t.Errorf("it holds back: %v, and proposals go: %v", holds, c.goes)
			}
		})
	}
}

// A commit that does not come soon, as one from far away, must not be waited for again and
// again.
func TestHoldingBackInVainIsTriedEverMoreSeldom(t *testing.T) {
	var p pacing
	now := time.Second
	// vain plays batches of which none is answered before the next, and returns how many
	// of them were held back.
	vain := func(batches int) (held int) {
		for range batches {
			if p.takes(now, 1, 100) {
				p.went()
				continue
			}
			held++
			at, _ := p.due()
			if at > now+longestHold {
				t.Fatalf("proposals are held back for %s", at-now)
			}
			if now = at; !p.takes(now, 1, 100) {
				t.Fatal("proposals are held back for longer than it said")
			}
			p.went()
		}
		return held
	}
	if held := vain(10_000); held > 8 {
		t.Errorf("%d of 10,000 batches were held back in vain", held)
	}
	// The members are near again: one that was worth it forgets what was in vain.
	for p.takes(now, 1, 100) {
		p.went()
	}
	if !p.takes(now, 101, 0) {
		t.Error("proposals are held back though nobody is on the way")
	}
	p.went()
	if p.takes(now, 1, 100) {
		t.Error("after one that was worth it, proposals are not held back any more")
	}
}

// Who was answered and comes back is no longer away; who was taken before has not come back.
func TestCallersWhoWereAnsweredAreExpectedBack(t *testing.T) {
	c := newCalls[int]()
	submit := func(count int) (made []*call[int]) {
		for range count {
			one, _, err := c.submit(context.Background(), proposal{kind: wire.KindCommand, body: []byte("x")})
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, one)
		}
		return made
	}
	want := func(when string, waiting, flying, away int) {
		t.Helper()
		w, f := c.count()
		if _, a := c.gathered(); w != waiting || f != flying || a != away {
			t.Errorf("%s: %d wait, %d are on their way, %d away; want %d, %d, %d", when, w, f, a, waiting, flying, away)
		}
	}
	first := submit(10)
	want("ten have proposed", 10, 0, -10)
	c.take(nil)
	want("ten were taken", 0, 10, 0)
	for _, one := range first {
		c.finish(one.seq, 0, nil)
	}
	want("ten were answered", 0, 0, 10)
	submit(3)
	want("three are back", 3, 0, 7)
	c.take(nil)
	want("three were taken", 0, 3, 7)
	c.stayAway()
	want("the others do not come", 0, 3, 0)
}
