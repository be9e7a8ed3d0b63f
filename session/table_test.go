package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ttl = time.Hour

// open makes a table with a session.
func open(ids ...ID) *Table[string] {
	t := new(Table[string])
	for _, id := range ids {
		t.Open(Opening{id, ttl, 1}, 0)
	}
	return t
}

// run does with a command what a state machine does: it applies a fresh one and keeps
// its result.
func run(t *Table[string], e Envelope, now int64) (Verdict, string) {
	v, result := t.Begin(e, now)
	if v == Fresh {
		result = fmt.Sprintf("%s#%d", e.Session, e.Seq)
		t.Finish(e, result)
	}
	return v, result
}

// Scenario retry-twice.
func TestARepeatedCommandIsAnsweredAndDoesNotRunAgain(t *testing.T) {
	table := open(7)
	first, result := run(table, Envelope{7, 1, 1}, 1)
	again, same := run(table, Envelope{7, 1, 1}, 2)
	if first != Fresh || again != Repeated || same != result {
		t.Errorf("first %d %q, then %d %q; want Fresh, then Repeated with the same result", first, result, again, same)
	}
}

func TestCommandsMayComeInAnyOrderWithinTheWindow(t *testing.T) {
	table := open(7)
	for _, seq := range []uint64{3, 1, 100, 2, MaxWindow} {
		if v, _ := run(table, Envelope{7, seq, 1}, 1); v != Fresh {
			t.Errorf("command %d is %d, want Fresh", seq, v)
		}
	}
	for _, seq := range []uint64{1, 2, 3, 100, MaxWindow} {
		want := fmt.Sprintf("%s#%d", ID(7), seq)
		if v, got := run(table, Envelope{7, seq, 1}, 1); v != Repeated || got != want {
			t.Errorf("command %d again is %d %q, want Repeated %q", seq, v, got, want)
		}
	}
}

func TestWhatTheCallerHasTheAnswerToIsForgotten(t *testing.T) {
	table := open(7)
	for seq := uint64(1); seq <= 20; seq++ {
		run(table, Envelope{7, seq, 1}, 1)
	}
	run(table, Envelope{7, 21, 15}, 1)
	for _, tc := range []struct {
		seq  uint64
		want Verdict
	}{{1, Answered}, {14, Answered}, {15, Repeated}, {21, Repeated}, {22, Fresh}} {
		if _, got, open := table.Result(7, tc.seq); got != tc.want || !open {
			t.Errorf("Result of command %d is %d, want %d", tc.seq, got, tc.want)
		}
	}
	if v, _ := run(table, Envelope{7, 14, 2}, 1); v != Answered {
		t.Errorf("a late copy of an answered command is %d, want Answered: it must not run", v)
	}
	if kept := len(table.sessions[7].inOrder()); kept != 7 {
		t.Errorf("%d results are kept, want the 7 from 15 to 21", kept)
	}
}

// A caller may give up one of two commands that are applied together, and say so with
// the second one.
func TestAResultThatComesAfterItsCallerGaveUpIsDropped(t *testing.T) {
	table := open(7)
	for _, e := range []Envelope{{7, 1, 1}, {7, 2, 2}} {
		if v, _ := table.Begin(e, 1); v != Fresh {
			t.Fatalf("command %d is %d, want Fresh", e.Seq, v)
		}
	}
	table.Finish(Envelope{7, 1, 1}, "one")
	table.Finish(Envelope{7, 2, 2}, "two")
	if v, _ := table.Begin(Envelope{7, 1, 1}, 1); v != Answered {
		t.Errorf("command 1 again is %d, want Answered", v)
	}
	if v, got := table.Begin(Envelope{7, 2, 2}, 1); v != Repeated || got != "two" {
		t.Errorf("command 2 again is %d %q, want Repeated", v, got)
	}
}

func TestACommandFurtherAheadThanTheWindowEndsItsSession(t *testing.T) {
	table := open(7)
	if v, _ := run(table, Envelope{7, MaxWindow + 1, 1}, 1); v != Expired {
		t.Errorf("it is %d, want Expired", v)
	}
	if v, _ := run(table, Envelope{7, 1, 1}, 1); v != Expired {
		t.Errorf("afterwards the session's command is %d, want Expired", v)
	}
	table = open(7)
	if v, _ := run(table, Envelope{7, 10*MaxWindow + 1, 10*MaxWindow - 5}, 1); v != Fresh {
		t.Errorf("far on, but close to the oldest unanswered one: %d, want Fresh", v)
	}
}

func TestAResultThatIsNotKnownHereIsNotRunAgain(t *testing.T) {
	table := open(7)
	e := Envelope{7, 1, 1}
	table.Begin(e, 1)
	table.FinishLost(e)
	if v, _ := table.Begin(e, 1); v != RepeatedLost {
		t.Errorf("Begin says %d, want RepeatedLost", v)
	}
	if _, v, _ := table.Result(7, 1); v != RepeatedLost {
		t.Errorf("Result says %d, want RepeatedLost", v)
	}
}

// Scenario session-expiry.
func TestASessionExpiresByTheTimeOfTheLog(t *testing.T) {
	table := open(7)
	if v, _ := run(table, Envelope{7, 1, 1}, int64(ttl)); v != Fresh {
		t.Errorf("at the end of its life the session's command is %d, want Fresh", v)
	}
	if v, _ := run(table, Envelope{7, 1, 1}, 2*int64(ttl)); v != Repeated {
		t.Errorf("a use prolongs the life: %d, want Repeated", v)
	}
	if v, _ := run(table, Envelope{7, 1, 1}, 3*int64(ttl)+1); v != Expired {
		t.Errorf("later than its life the command is %d, want Expired: it must not run", v)
	}
	table.Open(Opening{7, ttl, 3*int64(ttl) + 2}, 3*int64(ttl)+2)
	if v, _ := run(table, Envelope{7, 1, 1}, 3*int64(ttl)+2); v != Fresh {
		t.Errorf("in a session that was opened anew the command is %d, want Fresh", v)
	}
}

func TestOpeningAgainKeepsTheResults(t *testing.T) {
	table := open(7)
	run(table, Envelope{7, 1, 1}, 1)
	table.Open(Opening{7, time.Nanosecond, 1}, int64(ttl))
	if v, _ := run(table, Envelope{7, 1, 1}, 2*int64(ttl)); v != Repeated {
		t.Errorf("the command is %d, want Repeated", v)
	}
}

func TestOpeningRemovesWhatHasExpired(t *testing.T) {
	table := open(1, 2, 3)
	run(table, Envelope{2, 1, 1}, 10)
	table.Open(Opening{4, ttl, int64(ttl)}, int64(ttl)+5)
	if got := table.Len(); got != 2 {
		t.Errorf("%d sessions are left, want 2 and 4 alone", got)
	}
}

func TestAFullTableDropsTheSessionUsedLongestAgo(t *testing.T) {
	// Often, because one that went through the table in any order would be right half of
	// the times.
	for _, ids := range slices.Repeat([][]ID{{3, 9, 5}, {0, 9, 5}}, 10) {
		table := open(ids...)
		run(table, Envelope{ids[0], 1, 1}, 50)
		for n := range ID(MaxSessions - len(ids)) {
			table.sessions[1000+n] = &record[string]{ttl: ttl, lastUsed: 20, low: 1}
		}
		table.Open(Opening{ids[0] + 100, ttl, 60}, 60)
		if table.Len() != MaxSessions || table.sessions[5] != nil {
			t.Errorf("%d sessions, 5 among them: %v; of those used longest ago the least ID goes", table.Len(), table.sessions[5] != nil)
		}
		table.Open(Opening{ids[0] + 101, ttl, 61}, 61)
		if table.Len() != MaxSessions || table.sessions[9] != nil || table.sessions[ids[0]] == nil {
			t.Errorf("the second to go is 9, which was not used since")
		}
	}
}

// Scenario session-expiry.
func TestAnUnknownSessionsCommandsDoNotRun(t *testing.T) {
	var table Table[string]
	if v, _ := run(&table, Envelope{7, 1, 1}, 1); v != Expired {
		t.Errorf("it is %d, want Expired", v)
	}
	if _, v, open := table.Result(7, 1); v != Expired || open {
		t.Errorf("Result says %d, %v; want Expired in no session", v, open)
	}
}

// model is the table without a ring, a bound on memory or anything forgotten.
type model map[ID]*modelSession

type modelSession struct {
	ttl, used int64
	low       uint64
	results   map[uint64]string
}

func (m model) open(o Opening, now int64) {
	for id, s := range m {
		if now-s.used > s.ttl {
			delete(m, id)
		}
	}
	if s := m[o.Session]; s != nil {
		s.used = now
		return
	}
	m[o.Session] = &modelSession{int64(o.TTL), now, 1, map[uint64]string{}}
}

func (m model) run(e Envelope, now int64) (Verdict, string) {
	s := m[e.Session]
	if s == nil || now-s.used > s.ttl || e.Seq-e.Low >= MaxWindow {
		delete(m, e.Session)
		return Expired, ""
	}
	s.used, s.low = now, max(s.low, e.Low)
	if e.Seq < s.low {
		return Answered, ""
	}
	if result, ok := s.results[e.Seq]; ok {
		return Repeated, result
	}
	s.results[e.Seq] = fmt.Sprintf("%s#%d", e.Session, e.Seq)
	return Fresh, s.results[e.Seq]
}

// The same log gives the same answers as a map that forgets nothing, on a replica that
// saw all of it and on one that started from a snapshot somewhere on the way (scenario
// session-in-snapshot).
func TestTheTableAnswersAsAMapThatForgetsNothing(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		table, restored, want := &Table[string]{}, &Table[string]{}, model{}
		now, low := int64(0), map[ID]uint64{}
		for step := range 2000 {
			now += rng.Int64N(int64(time.Minute))
			id := ID(rng.Uint64N(6)) << 60
			switch rng.IntN(12) {
			case 0:
				o := Opening{id, time.Duration(1 + rng.Int64N(int64(20*time.Minute))), 0}
				table.OpenRelayed(o, now)
				restored.OpenRelayed(o, now)
				want.open(o, now)
			case 1:
				restored = throughSnapshot(t, table)
			default:
				e := Envelope{id, 0, max(low[id]+rng.Uint64N(4), 3) - 2}
				e.Seq = e.Low + rng.Uint64N(1<<rng.IntN(8))
				low[id] = max(low[id], e.Low)
				gotV, got := run(table, e, now)
				alsoV, also := run(restored, e, now)
				wantV, wanted := want.run(e, now)
				if gotV != wantV || got != wanted || alsoV != wantV || also != wanted {
					t.Fatalf("seed %d, step %d: %+v is %d %q, from a snapshot %d %q, want %d %q", seed, step, e, gotV, got, alsoV, also, wantV, wanted)
				}
			}
			if table.Len() != len(want) {
				t.Fatalf("seed %d, step %d: %d sessions, want %d", seed, step, table.Len(), len(want))
			}
		}
		if a, b := encoded(t, table), encoded(t, restored); string(a) != string(b) {
			t.Fatalf("seed %d: replicas with the same log encode differently", seed)
		}
	}
}
