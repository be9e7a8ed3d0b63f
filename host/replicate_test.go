package host_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/host"
	"github.com/balsaraft/balsa/wire"
)

// Old entries that were being read for a follower when their reader was deposed are not
// sent: by now the log may hold others under their indexes, and the follower would take
// them for what the old term had there.
func TestADeposedLeaderSendsNothingOfWhatItFetched(t *testing.T) {
	w := newWorld(t)
	all := w.cluster(nil, "a", "b", "c")
	old := w.leader()
	rest := others(all, old)
	lags := rest[0]
	w.meddle = lose(func(l letter) bool { return l.from == lags || l.to.ID == lags.card.ID })
	for i := range 60 {
		old.must(fmt.Sprint(i, strings.Repeat("x", 4<<10))) // more than the cache holds
	}
	fetches := onLane(host.FetchLane)
	old.hold = fetches
	w.meddle = nil
	w.until("entries are fetched", func() bool { return slices.ContainsFunc(old.tasks, fetches) })
	term := old.host.Status().Core.Term

	// Cut off, it appends what nobody else has; then the others' entries replace that.
	apart := true
	w.meddle = func(l letter) []letter {
		if apart && (l.from == old || l.to.ID == old.card.ID) {
			return nil
		}
		if !apart && l.from == old && l.Kind == wire.Append && l.Term == term {
			t.Errorf("deposed, it sends %s", l.Message)
		}
		return []letter{l}
	}
	old.propose("nobody else has it")
	leader := w.leader2(rest)
	leader.must("y")
	w.mail, apart = nil, false
	w.until("its log is the new leader's", func() bool {
		s := old.host.Status().Core
		return s.Leader == leader.card.ID && s.Last.Term > term && len(w.mail) == 0
	})
	if !slices.ContainsFunc(old.tasks, fetches) {
		t.Fatal("nothing is being fetched any more")
	}
	old.hold = nil
	old.must("z")
	w.agree()
}
