package host_test

import (
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

func TestAMemberWithoutAWordAboutOthersFoundsACluster(t *testing.T) {
	w := newWorld(t)
	a := w.cluster(nil, "a")[0]
	if got := a.must("x"); got != "1" {
		t.Errorf("the answer is %s, want 1", got)
	}
	cluster := a.card.Cluster
	a.crash()
	a.run()
	if got := a.must("y"); got != "2" || a.card.Cluster != cluster || cluster == 0 {
		t.Errorf("after a restart the answer is %s in cluster %s, want 2 in %s", got, a.card.Cluster, cluster)
	}
}

func TestFoundersFindEachOther(t *testing.T) {
	w := newWorld(t)
	all := w.founders(nil, "a", "b", "c")
	all[1].run()
	all[2].run()
	w.run(time.Minute)
	for _, m := range all[1:] {
		if s := m.host.Status(); m.card.Cluster != 0 || !s.Founding || !strings.Contains(s.Waiting.Error(), "waiting to hear from a at a") {
			t.Errorf("without a, %s is in cluster %s and waits because %v", m.name, m.card.Cluster, s.Waiting)
		}
		if e, ok := m.saw(host.Waiting); !ok || !strings.Contains(e.Err.Error(), "a at a") {
			t.Errorf("%s does not say that it waits, and for whom: %v", m.name, e.Err)
		}
	}
	all[0].run()
	w.leader()
	for _, m := range all {
		m.must(m.name)
		if m.card.Cluster != all[0].card.Cluster || m.card.Cluster == 0 {
			t.Errorf("%s is in cluster %s, a in %s", m.name, m.card.Cluster, all[0].card.Cluster)
		}
		if e, ok := m.saw(host.Joined); !ok || e.Cluster != m.card.Cluster {
			t.Errorf("%s does not say that it has joined", m.name)
		}
	}
	if got := len(w.agree()); got != 3 {
		t.Errorf("%d commands were applied, want 3", got)
	}
}

// founded checks that all are members of one cluster, in which they get on.
func (w *world) founded(all []*member) {
	w.Helper()
	w.leader()
	for _, m := range all {
		m.must(m.name)
		who, err := identity.Load(m.disk)
		if err != nil || who.ID != m.card.ID || who.Cluster != all[0].card.Cluster || who.Cluster == 0 {
			w.Fatalf("%s is %+v on its disk, %v; %s is in cluster %s", m.name, who, err, all[0].name, all[0].card.Cluster)
		}
	}
	if got := len(w.agree()); got != len(all) {
		w.Fatalf("%d commands were applied, want one of each member", got)
	}
}

// The power goes at each operation on the disk of one founder, the one that decides or
// another one: no second cluster comes of it, and nobody loses who it is.
func TestACrashInFoundingFoundsNoSecondCluster(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b", "c"}} {
		for victim := range min(len(names), 2) {
			crashes := 0
			for n := 0; ; n++ {
				w := newWorld(t)
				w.seed = uint64(n + 1)
				all := w.founders(nil, names...)
				v := all[victim]
				who, err := v.mint()
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range others(all, v) {
					m.run()
				}
				v.disk.StopAfter(n)
				err = v.open()
				for err == nil && v.host.Err() == nil && !(v.host.Status().Core.Leader != 0) {
					w.step()
				}
				if err == nil && v.host.Err() == nil {
					break // it came to its end
				}
				crashes++
				v.crash()
				w.run(2 * time.Second)
				v.run()
				w.founded(all)
				if v.card.ID != who.ID {
					t.Fatalf("crash after %d operations: it was member %s and is %s", n, who.ID, v.card.ID)
				}
				v.crash()
				v.run()
				w.leader()
			}
			if crashes < 5 {
				t.Errorf("founder %d of %v crashed only at %d operations", victim, names, crashes)
			}
		}
	}
}

// Scenario refound.
func TestAWipedFounderComesBackAsANewMember(t *testing.T) {
	for _, victim := range []int{0, 2} {
		w := newWorld(t)
		all := w.cluster(nil, "a", "b", "c")
		v, cluster := all[victim], all[0].card.Cluster
		all[1].must("x")
		before := v.card.ID
		v.wipe()
		w.run(10 * time.Second)
		v.run()
		w.until("it is a voter", func() bool {
			m, in := all[1].host.Status().Membership.Find(v.card.ID)
			return in && m.Role == wire.Voter && !all[1].host.Status().Membership.Joint()
		})
		now := all[1].host.Status().Membership
		if _, in := now.Find(before); in || len(now.Members) != 3 || v.card.ID == before || v.card.Cluster != cluster {
			t.Errorf("%s was %s in %s and is %s in %s, among %s", v.name, before, cluster, v.card.ID, v.card.Cluster, now)
		}
		v.must("y")
		if got := strings.Join(w.agree(), ","); got != "x,y" {
			t.Errorf("applied was %s, want x,y", got)
		}
	}
}

// A founder whose disk is lost before it has heard that it was founded with is not
// missed: it takes its own place.
func TestAFounderWipedBeforeItHeardTheNewsTakesItsPlace(t *testing.T) {
	w := newWorld(t)
	all := w.founders(nil, "a", "b", "c")
	b := all[1]
	w.meddle = lose(func(l letter) bool {
		return l.Kind == wire.Welcome && l.To == b.card.ID || !l.Kind.Introduces() && l.from == b
	})
	for _, m := range all {
		m.run()
	}
	w.leader2(others(all, b))
	if b.card.Cluster != 0 {
		t.Fatal("it has heard the news")
	}
	b.wipe()
	w.meddle = nil
	b.run()
	w.founded(all)
	if now := all[0].host.Status().Membership; len(now.Members) != 3 {
		t.Errorf("the members are %s", now)
	}
}

// The power goes at each operation on the disk of who joins.
func TestACrashInJoiningIsOvercome(t *testing.T) {
	crashes := 0
	for n := 0; ; n++ {
		w := newWorld(t)
		w.seed = uint64(n + 1)
		all := w.cluster(nil, "a", "b")
		d := w.add("d", func(c *host.Config) { c.Join = []string{"a", "b"} })
		who, err := d.mint()
		if err != nil {
			t.Fatal(err)
		}
		d.disk.StopAfter(n)
		err = d.open()
		for err == nil && d.host.Err() == nil && d.host.Status().Applied.Index < 5 {
			w.step()
		}
		if err == nil && d.host.Err() == nil {
			break
		}
		crashes++
		d.crash()
		w.run(2 * time.Second)
		d.run()
		w.founded(append(all, d))
		if got := len(all[0].host.Status().Membership.Members); got != 3 || d.card.ID != who.ID {
			t.Fatalf("crash after %d operations: %d members, it is %s and was %s", n, got, d.card.ID, who.ID)
		}
	}
	if crashes < 5 {
		t.Errorf("it crashed only at %d operations", crashes)
	}
}

// Scenario refound: too few are left to let anybody join, and nobody founds anew.
func TestWipedFoundersDoNotFoundASecondClusterBesideOneThatIsLeft(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	all[0].wipe()
	all[1].wipe()
	all[0].run()
	all[1].run()
	w.run(2 * time.Minute)
	for _, m := range all[:2] {
		if m.card.Cluster != 0 || m.host.Status().Waiting == nil {
			t.Errorf("%s is in cluster %s, %v", m.name, m.card.Cluster, m.host.Status().Waiting)
		}
	}
}

// Scenario refound: a founding that was cut short leaves nothing behind in a member
// that then joins another cluster.
func TestWhatAFoundingLeftBehindIsGoneAfterJoiningAnotherCluster(t *testing.T) {
	reached := 0
	for n := range 40 {
		w := newWorld(t)
		w.seed = uint64(n + 1)
		w.cluster(nil, "a")[0].must("x")
		both := w.founders(nil, "b", "c")
		b := both[0]
		if _, err := b.mint(); err != nil {
			t.Fatal(err)
		}
		both[1].run()
		b.disk.StopAfter(n % 20)
		for err := b.open(); err == nil && b.host.Err() == nil && b.card.Cluster == 0; {
			w.step()
		}
		both[1].host = nil
		b.crash()
		if who, err := identity.Load(b.disk); err != nil || who.Cluster != 0 {
			continue // it got further than this is about
		}
		b.tune = func(c *host.Config) { c.Join = []string{"a"} }
		b.run()
		w.until("b has been told of a's cluster", func() bool { return b.card.Cluster != 0 })
		b.crash()
		b.run()
		if m := b.host.Status().Membership; !m.Empty() {
			t.Fatalf("crash %d: b takes what it once founded for the other cluster's: %s", n, m)
		}
		reached++
		w.leader()
		b.must("y")
		if got := strings.Join(w.agree(), ","); got != "x,y" {
			t.Fatalf("crash %d: applied was %s, want x,y", n, got)
		}
	}
	if reached < 5 {
		t.Errorf("only %d crashes were early enough", reached)
	}
}

func TestAMemberJoinsByAskingAnyOther(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	leader.must("x")
	asked := others(all, leader)[0]
	d := w.add("d", func(c *host.Config) { c.Join = []string{"nowhere", asked.name} })
	d.run()
	w.until("it is a voter", func() bool {
		m, _ := d.host.Status().Membership.Find(d.card.ID)
		return m.Role == wire.Voter
	})
	d.must("y")
	if got := strings.Join(w.agree(), ","); got != "x,y" {
		t.Errorf("applied was %s, want x,y", got)
	}
	d.crash()
	leader.must("z")
	d.tune = nil // its disk remembers
	d.run()
	w.leader()
	d.read()
	if got := strings.Join(d.machine.Log, ","); got != "x,y,z" {
		t.Errorf("after a restart it has %s, want x,y,z", got)
	}
}

// Scenario acquaintance-gone: whom a newcomer has asked is cut off from it before it answers.
// The leader has added it by then, and tells it.
func TestWhoWasAddedHearsOfItFromTheLeader(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	leader := w.leader()
	asked := others(all, leader)[0]
	d := w.add("d", func(c *host.Config) { c.Join = []string{asked.name} })
	w.meddle = lose(func(l letter) bool { return l.From == asked.card.ID && l.Kind == wire.Welcome })
	d.run()
	w.until("it has joined", func() bool {
		_, in := d.host.Status().Membership.Find(d.card.ID)
		return in
	})
	d.must("x")
	if got := strings.Join(w.agree(), ","); got != "x" {
		t.Errorf("applied was %s, want x", got)
	}
}

func TestANewcomerWithALiveMembersNameIsRefused(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	d := w.add("d", func(c *host.Config) { c.Join = []string{"a"} })
	d.called = "b"
	d.run()
	w.run(15 * time.Second)
	if e, ok := d.saw(host.Waiting); !ok || !strings.Contains(e.Err.Error(), `the name "b" is taken by member `+all[1].card.ID.String()) {
		t.Errorf("it says %v", e.Err)
	}
	if got := len(all[0].host.Status().Membership.Members); got != 3 || d.card.Cluster != 0 {
		t.Errorf("%d members, and the newcomer is in cluster %s", got, d.card.Cluster)
	}
}

func TestFoundersThatContradictEachOtherSayHow(t *testing.T) {
	lists := func(list map[string]string) func(*host.Config) {
		return func(c *host.Config) { c.Founders = list }
	}
	two := map[string]string{"a": "a", "b": "b"}
	for _, tc := range []struct {
		name, called string
		list         map[string]string
		says         string
	}{
		{"another list", "b", map[string]string{"a": "a", "b": "elsewhere", "c": "c"}, "another list of founders"},
		{"one that is not in the list", "z", two, "not in the list of founders"},
		{"one of the same name", "a", two, `two members are named "a"`},
	} {
		w := newWorld(t)
		a, b := w.add("a", lists(two)), w.add("b", lists(tc.list))
		b.called = tc.called
		a.run()
		b.run()
		w.run(15 * time.Second)
		said := ""
		for _, m := range w.members {
			e, ok := m.saw(host.Waiting)
			if !ok || m.card.Cluster != 0 {
				t.Errorf("%s: at %s: %v, cluster %s", tc.name, m.name, e.Err, m.card.Cluster)
			}
			said += e.Err.Error() + "\n"
		}
		if !strings.Contains(said, tc.says) {
			t.Errorf("%s: nobody says %q:\n%s", tc.name, tc.says, said)
		}
	}
}
