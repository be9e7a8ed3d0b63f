package session

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A copy of the entry that opened a session may come arbitrarily late: a member hands it
// to one leader after another until it hears of it. Scenario session-expiry.
func TestASessionThatHasExpiredIsNotOpenedByALateCopy(t *testing.T) {
	opening := Opening{7, ttl, 100}
	var table Table[string]
	if !table.Open(opening, 200) {
		t.Fatal("it is not opened")
	}
	run(&table, Envelope{7, 1, 1}, 200)
	if !table.Open(opening, 100+int64(ttl)) {
		t.Error("while it is there, a copy does no harm")
	}
	later := 100 + 2*int64(ttl) + 1
	if table.Open(opening, later) {
		t.Error("a copy opens it again")
	}
	if v, _ := run(&table, Envelope{7, 1, 1}, later); v != Expired {
		t.Errorf("its command is %d, want Expired: it ran before", v)
	}
	if !table.Open(Opening{8, ttl, later}, later+1) {
		t.Error("another is not opened")
	}
}

func TestASessionThatWentForOthersIsNotOpenedByALateCopy(t *testing.T) {
	table := open(7)
	for n := range ID(MaxSessions - 1) {
		table.sessions[1000+n] = &record[string]{ttl: ttl, lastUsed: 20, low: 1}
	}
	if !table.Open(Opening{8, ttl, 20}, 30) {
		t.Fatal("one more is not opened")
	}
	for _, table := range []*Table[string]{table, throughSnapshot(t, table)} {
		if table.sessions[7] != nil || table.Open(Opening{7, ttl, 1}, 40) {
			t.Error("what went for it, or a copy that was under way, is there again")
		}
		if !table.Open(Opening{9, ttl, 31}, 40) {
			t.Error("one that was made afterwards is not opened")
		}
	}
}

func TestAnOpeningThatComesTooLateOpensNothing(t *testing.T) {
	var table Table[string]
	if table.Open(Opening{7, ttl, 100}, 101+int64(ttl)) || table.Len() != 0 {
		t.Error("it may have been here before")
	}
}

// Whatever comes in whatever order: what is gone stays gone, and who asks again with what
// it knows by then is let in.
func TestSessionsThatAreGoneStayGone(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		table := &Table[string]{}
		var made []Opening
		been, gone := map[ID]bool{}, map[ID]bool{}
		now := int64(1)
		for step := range 1000 {
			known := now
			now += rng.Int64N(int64(10 * time.Minute))
			o := Opening{ID(step + 1), time.Duration(1 + rng.Int64N(int64(time.Hour))), known}
			switch rng.IntN(5) {
			case 0:
				made = append(made, o)
			case 1:
				table = throughSnapshot(t, table)
			case 2: // a number beyond the window ends a session before its time
				run(table, Envelope{ID(rng.IntN(step+1) + 1), MaxWindow + 1, 1}, now)
			default:
				if len(made) > 0 {
					o = made[rng.IntN(len(made))]
				}
				late := table.sessions[o.Session] == nil && been[o.Session]
				opened := table.Open(o, now)
				if opened && (late || gone[o.Session]) {
					t.Fatalf("seed %d, step %d: %+v is there again at %d", seed, step, o, now)
				}
				if opened {
					been[o.Session] = true
				} else {
					gone[o.Session] = true
				}
				if fresh := (Opening{ID(1<<40 + step), ttl, now}); !table.Open(fresh, now+1) && table.cutShort < now {
					t.Fatalf("seed %d, step %d: %+v is refused at %d", seed, step, fresh, now)
				}
			}
		}
	}
}
