package host_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/fsys"
	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/storage/identity"
	"github.com/balsaraft/balsa/wire"
)

// bereft makes a cluster of three, with some commands in a snapshot and some behind it, of
// which all lose their power.
func bereft(t *testing.T, seed uint64) (w *world, left *member, lost []*member) {
	t.Helper()
	w = newWorld(t)
	w.seed = seed
	all := w.cluster(nil, "a", "b", "c")
	for i := range 5 {
		all[0].must(fmt.Sprint("old ", i))
	}
	for _, m := range all {
		m.host.TakeSnapshot(func(error) {})
	}
	w.until("there are snapshots", func() bool {
		return !slices.ContainsFunc(all, func(m *member) bool { return m.host.Status().Snapshot.Index == 0 })
	})
	for i := range 5 {
		all[0].must(fmt.Sprint("new ", i))
	}
	w.agree()
	for _, m := range all {
		m.crash()
	}
	return w, all[0], all[1:]
}

// recover recovers a member that does not run.
func (m *member) recover(dry bool) (host.Recovery, error) {
	m.starts++
	return host.Recover(m.disk, func() uint64 { return 1000 + m.starts }, m.w.start+int64(m.w.now), dry)
}

// Scenario quorum-lost.
func TestOneMemberThatIsLeftGoesOnAlone(t *testing.T) {
	w, a, lost := bereft(t, 1)
	planned, err := a.recover(true)
	if err != nil {
		t.Fatal(err)
	}
	done, err := a.recover(false)
	if err != nil {
		t.Fatal(err)
	}
	if planned.New != 0 || done.New == 0 || done.New == done.Former || planned.Last != done.Last || planned.Former != done.Former {
		t.Errorf("planned was %+v, done %+v", planned, done)
	}
	if done.Known.Index == 0 || done.Last.Index != done.Known.Index+5 || len(done.Membership.Members) != 3 || done.Role != "voter" {
		t.Errorf("it says %+v; there were 5 entries behind the snapshot", done)
	}
	a.run()
	w.until("it leads", a.host.Leading)
	if got := a.must("alone"); got != "11" {
		t.Errorf("a command after the recovery is number %s, want 11", got)
	}
	// Those of the former life come back, and are no part of it: not as followers, not as
	// a majority, and not by their higher terms.
	for _, m := range lost {
		m.run()
	}
	term := a.host.Status().Core.Term
	w.run(time.Minute)
	if !a.host.Leading() || a.host.Status().Core.Term != term || a.must("still alone") != "12" {
		t.Errorf("members of the former life have moved the new one:\n%s", w)
	}
	// With an empty disk one is a member like any newcomer, by way of a new snapshot: the
	// old one is of the former cluster.
	b := lost[0]
	lost[1].host = nil
	b.wipe()
	b.tune = func(c *host.Config) { c.Join = []string{"a"} }
	b.run()
	w.until("b votes", func() bool { return a.host.Status().Membership.IsVoter(b.card.ID) })
	b.must("together")
	if got := w.agree(); len(got) != 13 {
		t.Errorf("they agree on %v", got)
	}
	if _, ok := b.saw(host.SnapshotInstalled); !ok {
		t.Error("the newcomer needed no snapshot: this shows too little")
	}
}

// Scenario quorum-lost: the power goes at each operation of a recovery. What it leaves is
// the member of before, or one that has no leader, or the recovered one; and it can be
// recovered again.
func TestACrashInARecoveryLeavesOneLifeOrTheOther(t *testing.T) {
	seen := map[string]int{}
	for seed := uint64(1); seed <= 3; seed++ {
		for n := 0; ; n++ {
			w, a, lost := bereft(t, seed)
			before, err := identity.Load(a.disk)
			if err != nil {
				t.Fatal(err)
			}
			a.disk.StopAfter(n)
			_, stopped := a.recover(false)
			a.disk.Crash()
			who, err := identity.Load(a.disk)
			if err != nil {
				t.Fatalf("a crash after %d operations: %v", n, err)
			}
			for _, m := range append(lost, a) {
				m.run()
			}
			w.run(20 * time.Second)
			switch lead := a.host.Status().Core.Leader; {
			case who.Cluster == before.Cluster && lead == 0:
				t.Fatalf("a crash after %d operations: of the former cluster, and without a leader\n%s", n, w)
			case who.Cluster == before.Cluster:
				seen["before"]++
				if got := len(w.agree()); got != 10 || len(a.host.Status().Membership.Members) != 3 {
					t.Fatalf("a crash after %d operations: %d commands, members %s", n, got, a.host.Status().Membership)
				}
			case lead == 0:
				seen["between"]++
			case lead == a.card.ID && len(a.host.Status().Membership.Members) == 1:
				seen["after"]++
			default:
				t.Fatalf("a crash after %d operations: neither one life nor the other\n%s", n, w)
			}
			for _, m := range append(lost, a) {
				m.crash()
			}
			if _, err := a.recover(false); err != nil && !errors.Is(err, host.ErrNotRecoverable) {
				t.Fatalf("recovered again after a crash after %d operations: %v", n, err)
			}
			a.run()
			w.until("it leads", a.host.Leading)
			if got := a.must("x"); got != "11" {
				t.Fatalf("recovered again after a crash after %d operations, it has %s commands, want 11", n, got)
			}
			if stopped == nil {
				break
			}
		}
	}
	if seen["before"] == 0 || seen["between"] == 0 || seen["after"] == 0 {
		t.Errorf("the crashes left %v: they show too little", seen)
	}
}

func TestARecoveryThatIsNotNeededIsRefused(t *testing.T) {
	w, a, _ := bereft(t, 1)
	image := func() string { return fmt.Sprint(a.disk.Image(1).List()) }
	rejected := func(what string, is error) {
		t.Helper()
		before := image()
		if _, err := a.recover(false); !errors.Is(err, is) || image() != before {
			t.Errorf("%s: %v, want %v; the files are %s", what, err, is, image())
		}
	}
	who, err := identity.Load(a.disk)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*identity.Identity){
		"a member of no cluster":    func(i *identity.Identity) { i.Cluster = 0 },
		"a member that is repaired": func(i *identity.Identity) { i.Replaces = 5 },
	} {
		changed := who
		change(&changed)
		if err := identity.Save(a.disk, changed); err != nil {
			t.Fatal(err)
		}
		rejected(what, host.ErrNotRecoverable)
	}
	if err := identity.Save(a.disk, who); err != nil {
		t.Fatal(err)
	}
	if _, err := a.recover(false); err != nil {
		t.Fatal(err)
	}
	rejected("a member that is alone", host.ErrNotRecoverable)
	empty := w.add("d", nil)
	if _, err := empty.recover(true); !errors.Is(err, identity.ErrNone) {
		t.Errorf("an empty directory: %v", err)
	}

	_, a, _ = bereft(t, 2)
	names, err := a.disk.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name != "member" {
			if err := a.disk.ZeroSector(name, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	rejected("a damaged member", fsys.ErrDamaged)
	if who, err := identity.Load(a.disk); err != nil || who.Cluster == wire.ClusterID(0) {
		t.Errorf("afterwards its identity is %+v, %v", who, err)
	}
}

// A leader that removes itself has the entry in its log that says so.
func TestARemovedMemberIsNotRecovered(t *testing.T) {
	w := newWorld(t)
	w.cluster(nil, "a", "b", "c")
	gone := w.leader()
	if err := gone.control(host.Command{Op: host.RemoveMember, Member: wire.Member{ID: gone.card.ID}}); err != nil {
		t.Fatal(err)
	}
	w.until("it knows", func() bool { return gone.host.Status().Removed })
	w.run(time.Second)
	gone.crash()
	if r, err := gone.recover(true); !errors.Is(err, host.ErrNotRecoverable) {
		t.Errorf("it says %+v, %v", r, err)
	}
}
