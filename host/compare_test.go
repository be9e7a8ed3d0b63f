package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// hashEvery is how many entries lie between two comparisons in these tests.
const hashEvery = 8

func comparing(c *host.Config) { c.HashEvery = hashEvery }

// write applies commands on who runs, until some comparisons are behind.
func (w *world) write(on *member, comparisons int) {
	w.Helper()
	for i := range comparisons * hashEvery {
		on.must(fmt.Sprint("command ", i))
	}
	w.settle()
}

// settle lets what is under way arrive.
func (w *world) settle() {
	w.Helper()
	w.run(10 * heartbeat)
}

// ended lists who has stopped because its state differs, and checks that it says so.
func (w *world) ended() (names []string) {
	w.Helper()
	for _, m := range w.members {
		if m.host == nil || m.host.Err() == nil {
			continue
		}
		names = append(names, m.name)
		if err := m.host.Err(); !errors.Is(err, host.ErrDiverged) || !strings.Contains(err.Error(), "empty directory") {
			w.Errorf("%s stops with %v", m.name, err)
		}
	}
	return names
}

// Scenario nondeterministic-apply: one of three has another state than the others.
func TestAMemberWhoseStateDiffersStops(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c")
	leader := w.leader()
	w.write(leader, 3)
	if got := w.ended(); got != nil {
		t.Fatalf("%v stop, and all have the same state", got)
	}
	victim := others(all, leader)[0]
	victim.machine.unlike = "chance"
	w.write(leader, 2)
	if got := w.ended(); len(got) != 1 || got[0] != victim.name {
		t.Fatalf("%v stop, want %s alone", got, victim.name)
	}
	e, ok := leader.saw(host.Diverged)
	if !ok || e.Member != victim.card.ID || e.Index%hashEvery != 0 || e.Err == nil || leader.host.Status().Differ == nil ||
		!strings.Contains(leader.host.Status().Differ.Error(), "member "+victim.name) {
		t.Errorf("the leader says %+v, its status %v", e, leader.host.Status().Differ)
	}
	w.write(leader, 5)
	if err := leader.host.Status().Differ; err == nil || !strings.Contains(err.Error(), "member "+victim.name) {
		t.Errorf("it is a member still, and its state is what it was: the status says %v", err)
	}

	// Its files are kept, and not started again on: it would serve that state.
	if victim.host.Close(); victim.open() == nil {
		t.Fatal("it starts again on its files")
	}
	if err := victim.open(); !errors.Is(err, host.ErrDiverged) {
		t.Errorf("it does not start with %v", err)
	}
	victim.wipe()
	victim.run()
	w.until("it is one of them again", func() bool { return victim.host.Status().Core.Leader == leader.card.ID })
	w.write(leader, 2)
	if got := w.ended(); got != nil {
		t.Errorf("%v stop after a new beginning", got)
	}
	if err := leader.host.Status().Differ; err != nil {
		t.Errorf("nobody differs any more, and the status says %v", err)
	}
	w.agree()
}

// Scenario nondeterministic-apply: each that differs is named, until it agrees again.
func TestAllWhoDifferAreNamedAsLongAsTheyDo(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c", "d", "e")
	leader := w.leader()
	first, second := others(all, leader)[0], others(all, leader)[1]
	deaf := true
	w.meddle = func(l letter) []letter {
		if deaf && l.Kind == wire.Diverged {
			return nil
		}
		return []letter{l}
	}
	named := func() (names string) {
		text := fmt.Sprint(leader.host.Status().Differ)
		for _, m := range all {
			if strings.Contains(text, "member "+m.name+" (") {
				names += m.name
			}
		}
		return names
	}
	first.machine.unlike = "chance"
	w.write(leader, 2)
	second.machine.unlike = "chance, too"
	w.write(leader, 2)
	if got := named(); got != first.name+second.name && got != second.name+first.name {
		t.Errorf("the status names %q, want %s and %s", got, first.name, second.name)
	}
	// What a snapshot would bring: the state of the others. It was never told that it differs.
	second.machine.unlike = ""
	w.write(leader, 2)
	if got := named(); got != first.name {
		t.Errorf("the status names %q, want %s alone: %s agrees again", got, first.name, second.name)
	}
	deaf = false
	w.write(leader, 2)
	if got := w.ended(); len(got) != 1 || got[0] != first.name {
		t.Errorf("%v stop, want %s alone", got, first.name)
	}
}

// Scenario nondeterministic-apply: it is the leader's state that differs.
func TestALeaderWhoseStateDiffersStops(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c")
	leader := w.leader()
	leader.machine.unlike = "chance"
	rest := others(all, leader)
	for i := 0; leader.host.Err() == nil; i++ {
		if i > 4*hashEvery {
			t.Fatal("it leads on with a state of its own")
		}
		leader.propose(fmt.Sprint("command ", i))
		w.run(heartbeat)
	}
	if got := w.ended(); len(got) != 1 || got[0] != leader.name {
		t.Fatalf("%v stop, want %s alone", got, leader.name)
	}
	leader.crash()
	next := w.leader()
	w.write(next, 2)
	if got := w.ended(); got != nil || len(rest) != 2 {
		t.Errorf("%v stop under the next leader", got)
	}
	if err := leader.open(); !errors.Is(err, host.ErrDiverged) {
		t.Errorf("it is started again: %v", err)
	}
}

// Scenario nondeterministic-apply: of two that differ nobody knows who is right.
func TestWithoutAMajorityAllGoOnAndSaySo(t *testing.T) {
	for name, running := range map[string][]string{"two of two": {"a", "b"}, "two of three": {"a", "b", "c"}} {
		w := newWorld(t)
		all := w.cluster(comparing, running...)
		leader := w.leader()
		for _, m := range others(all, leader)[1:] {
			m.crash()
		}
		other := others(all, leader)[0]
		other.machine.unlike = "chance"
		w.write(leader, 2)
		if got := w.ended(); got != nil {
			t.Fatalf("%s: %v stop", name, got)
		}
		for _, m := range []*member{leader, other} {
			e, ok := m.saw(host.Diverged)
			if !ok || e.Member != 0 || m.host.Status().Differ == nil {
				t.Errorf("%s: %s says %+v, its status %v", name, m.name, e, m.host.Status().Differ)
			}
		}
	}
}

// A majority of all is needed, whoever runs: of five, two agree and one does not.
func TestAMinorityJudgesNobody(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c", "d", "e")
	leader := w.leader()
	rest := others(all, leader)
	rest[0].machine.unlike = "chance"
	for _, m := range rest[2:] {
		m.hold = func(k *host.Task) bool { return k.Lane == host.ApplyLane } // it votes, and has no state to compare
	}
	w.write(leader, 2)
	if got := w.ended(); got != nil {
		t.Fatalf("%v stop, and two of five agree", got)
	}
	for _, m := range rest[2:] {
		m.hold = nil
	}
	w.write(leader, 2)
	if got := w.ended(); len(got) != 1 || got[0] != rest[0].name {
		t.Errorf("%v stop, want %s: four of five agree", got, rest[0].name)
	}
}

// Scenario nondeterministic-apply: hashes and what is said of them are lost on the way.
func TestAMemberIsToldAgainThatItsStateDiffers(t *testing.T) {
	for _, kind := range []wire.MessageKind{wire.StateHash, wire.Diverged} {
		w := newWorld(t)
		all := w.cluster(comparing, "a", "b", "c")
		leader := w.leader()
		victim := others(all, leader)[0]
		victim.machine.unlike = "chance"
		lost := 0
		w.meddle = func(l letter) []letter {
			if l.Kind == kind && lost < 2 {
				lost++
				return nil
			}
			return []letter{l}
		}
		w.write(leader, 4)
		if got := w.ended(); len(got) != 1 || got[0] != victim.name || lost != 2 {
			t.Errorf("%v stop after %d losses of %s", got, lost, kind)
		}
	}
}

// Scenario nondeterministic-apply: a restart brings back a state that was hashed before,
// and that of a new leader is compared, too.
func TestStatesAreComparedAcrossRestarts(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c")
	w.write(w.leader(), 2)
	for _, m := range all {
		m.crash()
	}
	for _, m := range all {
		m.run()
	}
	leader := w.leader()
	victim := others(all, leader)[1]
	victim.machine.unlike = "chance" // it replays to another state than the last time
	w.write(leader, 1)
	if got := w.ended(); len(got) != 1 || got[0] != victim.name {
		t.Errorf("%v stop, want %s", got, victim.name)
	}
}

// What most say counts only where this member's own hash is known and another one, and
// only from its leader.
func TestAnAccusationIsChecked(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(comparing, "a", "b", "c")
	leader := w.leader()
	victim, third := others(all, leader)[0], others(all, leader)[1]
	w.write(leader, 2)
	s := victim.host.Status()
	from := s.Applied.Index / hashEvery * hashEvery
	accusation := wire.Message{Kind: wire.Diverged, From: third.card.ID, To: victim.card.ID, Term: s.Core.Term, Index: from, ID: 1}
	w.inject(third, victim, wire.Diverged, accusation)
	accusation.From, accusation.Index = leader.card.ID, from+hashEvery
	w.inject(leader, victim, wire.Diverged, accusation)
	accusation.Index, accusation.Term = from, s.Core.Term-1
	w.inject(leader, victim, wire.Diverged, accusation)
	w.settle()
	if err := victim.host.Err(); err != nil {
		t.Fatalf("it believes what is not so: %v", err)
	}
	accusation.Term = s.Core.Term
	w.inject(leader, victim, wire.Diverged, accusation)
	w.settle()
	if err := victim.host.Err(); !errors.Is(err, host.ErrDiverged) {
		t.Errorf("its leader tells it, and it says %v", err)
	}
	if who, err := identity.Load(victim.disk); err != nil || who.Diverged != from {
		t.Errorf("its directory says entry %d, %v; want %d", who.Diverged, err, from)
	}
}
