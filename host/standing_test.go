package host_test

import (
	"testing"
)

func TestAMemberWithoutAWordAboutOthersFoundsACluster(t *testing.T) {
	w := newWorld(t)
	a := w.founders(nil, "a")[0]
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
	w.leader()
	for i, m := range all {
		m.must(m.name)
		if m.card.Cluster != all[0].card.Cluster || m.card.Cluster == 0 {
			t.Errorf("%s is in cluster %s, %s in %s", m.name, m.card.Cluster, all[0].name, all[0].card.Cluster)
		}
		if got := len(w.agree()); got != i+1 {
			t.Errorf("%d commands were applied, want %d", got, i+1)
		}
	}
}
