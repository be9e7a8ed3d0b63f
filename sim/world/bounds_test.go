package world

import (
	"strings"
	"testing"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/session"
)

func TestALoadOverItsBoundIsNamed(t *testing.T) {
	for _, c := range []struct {
		sentence string
		load     host.Load
		sessions int
		want     string
	}{
		{"all is within", host.Load{What: "messages", Now: 4, Most: 4}, session.MaxSessions, ""},
		{"a queue is too long", host.Load{What: "messages", Now: 5, Most: 4}, 0, "n1 has 5 messages, and may have 4"},
		{"sessions are too many", host.Load{}, session.MaxSessions + 1, "sessions"},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			defer func() {
				found, _ := recover().(violation)
				if (found == "") != (c.want == "") || !strings.Contains(string(found), c.want) {
					t.Errorf("found %q, want %q", found, c.want)
				}
			}()
			newJudge(nil).bounded("n1", []host.Load{c.load}, c.sessions)
		})
	}
}

// A bound that nothing ever comes near would be judged for nothing. Some loads are seldom:
// worlds are played until each was seen.
func TestLoadsAreSeen(t *testing.T) {
	const least, most = 20, 400
	highest := map[string]int{}
	for seed := uint64(1); seed <= least || len(neverSeen(highest)) > 0; seed++ {
		if seed > most {
			t.Fatalf("there were never any %v in %d worlds", neverSeen(highest), most)
		}
		w := newWorld(seed, Options{})
		func() {
			defer func() {
				if _, lost := recover().(violation); lost {
					t.Errorf("seed %d breaks a promise", seed)
				}
			}()
			w.play()
		}()
		for what, n := range w.judge.highest {
			highest[what] = max(highest[what], n)
		}
	}
	for what, n := range highest {
		t.Logf("%s: up to %d", what, n)
	}
}

func neverSeen(highest map[string]int) (loads []string) {
	for what, n := range highest {
		if n == 0 {
			loads = append(loads, what)
		}
	}
	return loads
}
