package dashboard

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/transport/memory"
)

// counting is a member that counts what it is told to say.
type counting struct {
	Member
	told atomic.Int64
}

func (c *counting) Tell(note []byte) error {
	c.told.Add(1)
	return c.Member.Tell(note)
}

// hall is three members and their reporters, on a clock of their own.
type hall struct {
	*testing.T
	network   *memory.Network
	members   map[string]*counting
	reporters map[string]*Reporter
	propose   func(member string, n int)
}

func inHall(t *testing.T, test func(*hall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &hall{T: t, network: memory.NewNetwork(1), members: map[string]*counting{}, reporters: map[string]*Reporter{}}
		h.network.SetWeather(memory.Weather{MinDelay: 2 * time.Millisecond, MaxDelay: 2 * time.Millisecond})
		cluster := map[string]string{"a": "a:1", "b": "b:1", "c": "c:1"}
		proposals := map[string]func(int){}
		for name, addr := range cluster {
			transport, err := h.network.Listen(addr)
			if err != nil {
				t.Fatal(err)
			}
			recorder := NewRecorder()
			node, err := balsa.Open(t.Context(), balsa.Config{
				Name: name, Cluster: cluster, Transport: transport, Meter: recorder.Meter(), Logger: slog.New(slog.DiscardHandler),
			}, balsa.Func(0, func(total *int, _ balsa.Entry, add int) int { *total += add; return *total }))
			if err != nil {
				t.Fatal(err)
			}
			defer node.Close()
			h.members[name] = &counting{Member: node}
			h.reporters[name] = NewReporter(h.members[name], recorder, "http://"+name)
			proposals[name] = func(n int) {
				if _, err := node.Propose(context.Background(), n); err != nil {
					t.Error(err)
				}
			}
		}
		h.propose = func(member string, n int) { proposals[member](n) }
		h.until("a leader", func() bool { return h.members["a"].Status().Leader != "" })
		test(h)
	})
}

func (h *hall) until(what string, holds func() bool) {
	h.Helper()
	for range 600 {
		if holds() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.Fatalf("in vain for %s", what)
}

// heard is what one member last heard another say.
func (h *hall) heard(by, of string) (Report, bool) {
	for _, r := range h.reporters[by].Heard() {
		if r.Name == of {
			return r, true
		}
	}
	return Report{}, false
}

// contact is how a member says that it hears another one.
func (h *hall) contact(by Report, of string) Contact {
	for _, c := range by.Hears {
		if c.ID == h.members[of].Status().ID {
			return c
		}
	}
	return Contact{Age: -1}
}

func TestAWatchedMemberHearsHowTheOthersStand(t *testing.T) {
	inHall(t, func(h *hall) {
		h.propose("b", 1)
		ctx, end := context.WithCancel(h.Context())
		var looking sync.WaitGroup
		looking.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(time.Second) {
				h.reporters["a"].Watch()
			}
		})
		defer looking.Wait()
		defer end()
		h.until("a to hear what b and c know of themselves", func() bool {
			for _, of := range []string{"b", "c"} {
				r, s := h.reporters["a"], h.members[of].Status()
				said, was := h.heard("a", of)
				if !was || said.Role != s.Role || said.Applied != s.Applied || said.HTTP != "http://"+of || said.Age > 500 || r.Own().Name != "a" {
					return false
				}
			}
			return true
		})
		h.until("round trips to be known", func() bool {
			rtt := h.contact(h.reporters["a"].Own(), "b").RTT
			return rtt >= 4000 && rtt < 5000 // there and back, in microseconds
		})
		said, _ := h.heard("a", "b")
		if last := said.Sample; last.At == 0 {
			t.Error("b says nothing of its work")
		}
		h.network.Partition([]string{"a:1", "b:1"}, []string{"c:1"})
		h.until("a and b not to hear c, and each other all the same", func() bool {
			own, b := h.reporters["a"].Own(), Report{}
			b, _ = h.heard("a", "b")
			return h.contact(own, "c").Age > 2000 && h.contact(b, "c").Age > 2000 && h.contact(own, "b").Age < 500 && h.contact(b, "a").Age < 500
		})
		h.network.Heal()
		h.until("a to hear c again", func() bool { return h.contact(h.reporters["a"].Own(), "c").Age < 500 })
	})
}

func TestNobodyTellsAnythingWhileNobodyLooks(t *testing.T) {
	inHall(t, func(h *hall) {
		h.reporters["b"].Watch()
		time.Sleep(20 * time.Second)
		before := map[string]int64{}
		for name, m := range h.members {
			if before[name] = m.told.Load(); before[name] < 5 {
				t.Errorf("%s told %d notes while b was looked at", name, before[name])
			}
		}
		time.Sleep(time.Minute)
		for name, m := range h.members {
			if more := m.told.Load() - before[name]; more != 0 {
				t.Errorf("%s told %d notes while nobody looked", name, more)
			}
		}
	})
}

func TestTheHistoryHasWhatTheWorkTook(t *testing.T) {
	inHall(t, func(h *hall) {
		time.Sleep(10 * time.Minute)
		for i := range 30 {
			h.propose("a", i)
		}
		time.Sleep(2 * time.Second)
		all := h.reporters["a"].History()
		if len(all) != historyLength {
			t.Errorf("%d samples after ten minutes", len(all))
		}
		var proposed float64
		for i, s := range all {
			proposed += s.Proposed
			if i > 0 && s.At <= all[i-1].At {
				t.Errorf("sample %d is of %d, after %d", i, s.At, all[i-1].At)
			}
			if s.Proposed > 0 && (s.Committed.P50 < 4 || s.Done.Max < s.Committed.P50) { // a round trip at least
				t.Errorf("sample %+v", s)
			}
		}
		if proposed < 25 || proposed > 35 {
			t.Errorf("%v proposals, of 30", proposed)
		}
	})
}

func TestWhatHappensAgainAndAgainIsOneEvent(t *testing.T) {
	r := &Reporter{}
	for i := range 100 {
		r.add(Event{Text: "asks for votes"})
		if i%10 == 0 {
			r.add(Event{Text: fmt.Sprint("leads ", i)})
		}
	}
	if len(r.events) != eventsTold {
		t.Fatalf("%d events", len(r.events))
	}
	last := r.events[len(r.events)-1]
	if last.Text != "asks for votes" || last.Times != 9 {
		t.Errorf("the last is %+v", last)
	}
}

func TestAReportTellsOfTheSnapshotThatIsTaken(t *testing.T) {
	if r := reportOf(balsa.Status{Writing: &balsa.SnapshotTransfer{Index: 7, Bytes: 3, Size: 9}}); r.Writing == nil || *r.Writing != (Transfer{Bytes: 3, Size: 9}) {
		t.Errorf("%+v", r.Writing)
	}
	if r := reportOf(balsa.Status{}); r.Writing != nil {
		t.Errorf("none is taken, and there is %+v", r.Writing)
	}
}

func TestANoteIsNeverTooLarge(t *testing.T) {
	s := balsa.Status{Name: strings.Repeat("n", 64), Waiting: strings.Repeat("w", 2000), Diverged: strings.Repeat("d", 2000)}
	for i := range 7 {
		s.Members = append(s.Members, balsa.MemberStatus{Name: strings.Repeat("m", 64), ID: balsa.MemberID(i + 1)})
	}
	report := reportOf(s)
	for range eventsTold {
		report.Events = append(report.Events, Event{Text: strings.Repeat("t", maxText), Kind: "leader-changed"})
	}
	if data := packed(note{Report: report}); len(data) == 0 || len(data) > balsa.MaxNote {
		t.Errorf("a note of %d bytes", len(data))
	}
}

func TestAMemberThatHasEndedSaysSo(t *testing.T) {
	inHall(t, func(h *hall) {
		node := h.members["c"].Member.(interface{ Close() error })
		if err := node.Close(); err != nil {
			t.Fatal(err)
		}
		h.until("c's reporter to say so", func() bool { return h.reporters["c"].Own().Stopped == "it was closed" })
	})
}
