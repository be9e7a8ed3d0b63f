package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// program makes a member run a program that understands the versions between two.
func program(oldest, newest uint32) func(*host.Config) {
	return func(c *host.Config) { c.Card.Versions = understands(oldest, newest) }
}

func understands(oldest, newest uint32) wire.Versions {
	return wire.Versions{Oldest: atVersion(oldest), Newest: atVersion(newest)}
}

// atVersion is a version of commands; 0 is that of programs that know of none.
func atVersion(commands uint32) wire.ClusterVersion {
	if commands == 0 {
		return wire.ClusterVersion{}
	}
	return wire.ClusterVersion{Log: 1, Commands: commands}
}

// becomes starts a member's place anew with another program.
func (m *member) becomes(oldest, newest uint32) {
	before := m.tune
	m.tune = func(c *host.Config) {
		if before != nil {
			before(c)
		}
		program(oldest, newest)(c)
	}
}

// allAt waits until all members have applied that the cluster is of a version.
func (w *world) allAt(v wire.ClusterVersion) {
	w.Helper()
	w.until("the cluster is of version "+v.String(), func() bool {
		for _, m := range w.members {
			if m.host != nil && m.host.ClusterVersion() != v {
				return false
			}
		}
		return true
	})
}

// TestTheClusterVersionRisesOnceTheLastMemberIsUpgraded is the scenario rolling-upgrade: what only the new program understands waits for the last one.
func TestTheClusterVersionRisesOnceTheLastMemberIsUpgraded(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(0, 0), "a", "b", "c")
	for i, m := range all {
		if got := m.host.ClusterVersion(); got != atVersion(0) {
			t.Fatalf("before %s is upgraded the version is %s", m.name, got)
		}
		m.crash()
		m.becomes(0, 2)
		m.run()
		w.leader().must(fmt.Sprint("with ", i, " more than before"))
		w.run(5 * time.Second)
	}
	w.allAt(atVersion(2))
	for _, m := range all {
		s := m.host.Status()
		if s.Version != atVersion(2) || s.Membership.Version != atVersion(2) || s.Versions[all[0].card.ID] != understands(0, 2) {
			t.Errorf("the status of %s says %s, of %v", m.name, s.Version, s.Versions)
		}
	}
}

// TestAMemberThatIsAwayHoldsTheClusterVersionBack is the scenario rolling-upgrade: nobody knows what a member will be that is away.
func TestAMemberThatIsAwayHoldsTheClusterVersionBack(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(1, 1), "a", "b", "c")
	leader := w.leader()
	away := others(all, leader)[0]
	away.crash()
	for _, m := range others(all, away) {
		m.crash()
		m.becomes(1, 2)
		m.run()
	}
	w.leader().must("x")
	w.run(time.Minute)
	if got := w.leader().host.ClusterVersion(); got != atVersion(1) {
		t.Fatalf("with %s away, the version became %s", away.name, got)
	}
	away.becomes(1, 2)
	away.run()
	w.allAt(atVersion(2))
}

func TestUntilTheVersionMovesAnyMemberMayGoBack(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(1, 1), "a", "b", "c")
	for _, m := range all[:2] {
		m.crash()
		m.becomes(1, 2)
		m.run()
	}
	w.leader().must("x")
	all[0].crash()
	all[0].becomes(1, 1)
	all[0].run()
	w.leader().must("y")
	if got := strings.Join(w.agree(), ","); got != "x,y" {
		t.Errorf("applied was %s", got)
	}
}

// TestAfterTheVersionMovedTheFormerProgramDoesNotStart is the scenario downgrade: it would not understand the log.
func TestAfterTheVersionMovedTheFormerProgramDoesNotStart(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(1, 2), "a", "b", "c")
	w.allAt(atVersion(2))
	all[0].crash()
	all[0].becomes(1, 1)
	err := all[0].open()
	if !errors.Is(err, host.ErrClusterVersion) || !errors.Is(err, fsys.ErrNewerVersion) || !strings.Contains(err.Error(), "the cluster's is 1.2, and this program understands 1.1") {
		t.Errorf("it says %v", err)
	}
	all[0].becomes(3, 4)
	if err := all[0].open(); !errors.Is(err, host.ErrClusterVersion) || !strings.Contains(err.Error(), "to a program between the two first") {
		t.Errorf("a program that has forgotten the version says %v", err)
	}
	w.leader().must("others go on")
}

// TestAMemberThatWentBackInTheSameMomentStops is the scenario downgrade: it was the last to be upgraded, and is not
// any more when the news comes.
func TestAMemberThatWentBackInTheSameMomentStops(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(1, 1), "a", "b", "c")
	leader := w.leader()
	late := others(all, leader)[0]
	w.meddle = func(l letter) []letter {
		news := l.Kind == wire.Append && l.to.ID == late.card.ID && len(l.Batches) > 0
		if news || l.Kind == wire.PreVote && l.from == late {
			return nil
		}
		return []letter{l}
	}
	for _, m := range append(others(all, leader), leader) {
		m.crash()
		m.becomes(1, 2)
		m.run()
	}
	w.until("the others have the version", func() bool {
		return leader.host.ClusterVersion() == atVersion(2)
	})
	late.crash()
	late.becomes(1, 1)
	late.run()
	w.meddle = nil
	w.until("it has stopped", func() bool { return late.host.Err() != nil })
	if err := late.host.Err(); !errors.Is(err, host.ErrClusterVersion) {
		t.Errorf("it says %v", err)
	}
}

// TestANewcomerThatDoesNotUnderstandTheClusterIsRefused is the scenario downgrade: it hears why, and is taken in once it understands.
func TestANewcomerThatDoesNotUnderstandTheClusterIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		oldest, newest uint32
		says           string
	}{
		"too old":                 {1, 1, "it is 1.2, and the newcomer understands 1.1 only; start it with the program of the other members"},
		"it knows of no versions": {0, 0, "it is 1.2, and the newcomer understands 0.0 only"},
		"too new":                 {3, 4, "it is 1.2, and the newcomer understands 1.3 to 1.4; upgrade the members first"},
	} {
		w := newWorld(t)
		all := w.cluster(program(1, 2), "a", "b", "c")
		w.allAt(atVersion(2))
		d := w.add("d", func(c *host.Config) { c.Join = []string{others(all, w.leader())[0].name} })
		d.becomes(c.oldest, c.newest)
		d.run()
		w.run(15 * time.Second)
		if e, ok := d.saw(host.Waiting); !ok || !strings.Contains(e.Err.Error(), c.says) {
			t.Errorf("%s: it says %v", name, e.Err)
		}
		if got := len(all[0].host.Status().Membership.Members); got != 3 {
			t.Errorf("%s: %d members", name, got)
		}
		d.crash()
		d.becomes(2, 3)
		d.run()
		w.until("it is a voter", func() bool {
			m, _ := all[0].host.Status().Membership.Find(d.card.ID)
			return m.Role == wire.Voter
		})
		if got := w.leader().host.ClusterVersion(); got != atVersion(2) {
			t.Errorf("%s: with one that understands more the version is %s", name, got)
		}
	}
}

// TestAFormerMemberThatDoesNotUnderstandTheClusterIsNotAdded is the scenario downgrade: it would stop, and be missed among those who vote.
func TestAFormerMemberThatDoesNotUnderstandTheClusterIsNotAdded(t *testing.T) {
	for _, op := range []host.Op{host.AddMember, host.SetMembers} {
		w := newWorld(t)
		all := w.cluster(program(1, 1), "a", "b", "c")
		former := others(all, w.leader())[0]
		former.crash()
		if err := w.leader().control(host.Command{Op: host.RemoveMember, Member: former.id()}); err != nil {
			t.Fatal(err)
		}
		for _, m := range others(all, former) {
			m.crash()
			m.becomes(1, 2)
			m.run()
		}
		w.leader().must("x")
		w.allAt(atVersion(2))
		former.run()
		w.run(5 * time.Second)
		c := host.Command{Op: op, Member: wire.Member{ID: former.card.ID, Name: former.name, Addr: former.card.Addr, Role: wire.Voter}}
		c.Members = append(w.leader().host.Status().Membership.Members, c.Member)
		if err := w.leader().control(c); !errors.Is(err, host.ErrRefused) || !strings.Contains(err.Error(), "the newcomer understands 1.1 only") {
			t.Errorf("%s: %v", op, err)
		}
		former.crash()
		former.becomes(1, 2)
		former.run()
		w.run(5 * time.Second)
		if err := w.leader().control(c); err != nil {
			t.Errorf("%s, once it understands: %v", op, err)
		}
	}
}

func TestFoundersWithoutAVersionInCommonSayWho(t *testing.T) {
	w := newWorld(t)
	all := w.founders(nil, "a", "b")
	all[0].becomes(1, 2)
	all[1].becomes(3, 4)
	for _, m := range all {
		m.run()
	}
	w.run(15 * time.Second)
	if e, ok := all[0].saw(host.Waiting); !ok || !errors.Is(e.Err, host.ErrClusterVersion) || !strings.Contains(e.Err.Error(), "member b(") {
		t.Errorf("it says %v", e.Err)
	}
	all[1].crash()
	all[1].becomes(2, 4)
	all[1].run()
	w.leader()
	w.allAt(atVersion(2))
}

// TestTheVersionOutlivesSnapshotsAndRecovery: it is what the log may hold, whoever has it.
func TestTheVersionOutlivesSnapshotsAndRecovery(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(program(1, 2), "a", "b", "c")
	w.leader().must("x")
	w.allAt(atVersion(2))
	one := others(all, w.leader())[0]
	one.host.TakeSnapshot(func(error) {})
	w.run(time.Second)
	for _, m := range all {
		m.crash()
	}
	if _, err := host.Recover(one.disk, func() uint64 { return 77 }, one.clock().Wall, false); err != nil {
		t.Fatal(err)
	}
	one.becomes(1, 1)
	if err := one.open(); !errors.Is(err, host.ErrClusterVersion) {
		t.Errorf("the former program opens what was recovered: %v", err)
	}
	one.becomes(1, 3)
	one.run()
	w.allAt(atVersion(3)) // it is alone, and understands it
}
