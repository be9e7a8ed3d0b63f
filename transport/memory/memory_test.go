package memory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/transport/memory"
	"github.com/balsaraft/balsa/wire"
)

func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(t *testing.T) balsatest.Listen {
		network := memory.NewNetwork(1)
		return func(t *testing.T, addr string) balsatest.Transport { return open(t, network, addr) }
	})
}

func open(t *testing.T, n *memory.Network, addr string) *memory.Transport {
	t.Helper()
	transport, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

// pair is members 1 at "a" and 2 at "b", connected both ways.
func pair(t *testing.T, n *memory.Network) (a, b *memory.Transport) {
	t.Helper()
	a, b = open(t, n, "a"), open(t, n, "b")
	a.Introduce(card(1, 1))
	b.Introduce(card(2, 1))
	a.Connect([]wire.Peer{{ID: 2, Addr: "b"}})
	b.Connect([]wire.Peer{{ID: 1, Addr: "a"}})
	expect(t, "a", a, "up 2.1")
	expect(t, "b", b, "up 1.1")
	return a, b
}

func card(id wire.MemberID, incarnation uint64) wire.Card {
	return wire.Card{Cluster: 1, ID: id, Incarnation: incarnation}
}

func send(from *memory.Transport, id wire.MemberID, to wire.Peer, numbers ...uint64) {
	for _, n := range numbers {
		from.Send(to, &wire.Message{Kind: wire.ReadIndex, From: id, To: to.ID, ID: n})
	}
}

var toB = wire.Peer{ID: 2, Addr: "b"}

// arrivals prints what has arrived, in a word each.
func arrivals(t *memory.Transport) string {
	var words []string
	for _, a := range t.Drain(nil) {
		switch a.Kind {
		case wire.ArrivedMessage:
			words = append(words, fmt.Sprint(a.Message.ID))
		case wire.ArrivedUp:
			words = append(words, fmt.Sprintf("up %s.%d", a.Card.ID, a.Card.Incarnation))
		case wire.ArrivedDown:
			words = append(words, fmt.Sprintf("down %s gone=%v", a.Card.ID, a.Gone))
		case wire.ArrivedRefusal:
			words = append(words, "refusal: "+a.Err.Error())
		}
	}
	return strings.Join(words, " ")
}

func expect(t *testing.T, name string, at *memory.Transport, want string) {
	t.Helper()
	if got := arrivals(at); got != want {
		t.Errorf("at %s arrived %q, want %q", name, got, want)
	}
}

func TestAPerfectNetworkDeliversAtOnce(t *testing.T) {
	a, b := pair(t, memory.NewNetwork(1))
	send(a, 1, toB, 1, 2, 3)
	expect(t, "b", b, "1 2 3")
}

func TestDelayIsBoundedAndKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memory.NewNetwork(1)
		a, b := pair(t, n)
		n.SetWeather(memory.Weather{MinDelay: 10 * time.Millisecond, MaxDelay: 30 * time.Millisecond})
		send(a, 1, toB, 1, 2, 3, 4, 5, 6, 7, 8)
		time.Sleep(10*time.Millisecond - 1)
		synctest.Wait()
		expect(t, "b before the least delay", b, "")
		time.Sleep(20*time.Millisecond + 1)
		synctest.Wait()
		expect(t, "b after the longest delay", b, "1 2 3 4 5 6 7 8")
	})
}

// throughWeather sends a thousand numbers through a weather and returns what arrives.
func throughWeather(t *testing.T, seed uint64, w memory.Weather) (got []uint64) {
	synctest.Test(t, func(t *testing.T) {
		n := memory.NewNetwork(seed)
		a, b := pair(t, n)
		n.SetWeather(w)
		for i := range uint64(1000) {
			send(a, 1, toB, i)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, x := range b.Drain(nil) {
			got = append(got, x.Message.ID)
		}
	})
	return got
}

func TestWeatherHasItsShares(t *testing.T) {
	for name, c := range map[string]struct {
		weather   memory.Weather
		low, high int // messages that arrive
		ordered   bool
	}{
		"half is lost":                {memory.Weather{Loss: 0.5}, 400, 600, true},
		"all is lost":                 {memory.Weather{Loss: 1}, 0, 0, true},
		"a tenth comes twice":         {memory.Weather{Duplicate: 0.1}, 1050, 1150, true},
		"a tenth is overtaken":        {memory.Weather{Reorder: 0.1}, 1000, 1000, false},
		"delay alone keeps order":     {memory.Weather{MaxDelay: time.Second}, 1000, 1000, true},
		"reordering beside a delay":   {memory.Weather{MaxDelay: time.Second, Reorder: 0.1}, 1000, 1000, false},
		"duplicates come in order":    {memory.Weather{Duplicate: 1}, 2000, 2000, true},
		"a perfect day loses nothing": {memory.Weather{}, 1000, 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := throughWeather(t, 7, c.weather)
			if len(got) < c.low || len(got) > c.high || slices.IsSorted(got) != c.ordered {
				t.Errorf("%d of 1000 messages arrive, in order: %v", len(got), slices.IsSorted(got))
			}
		})
	}
}

func TestTheSameSeedGivesTheSameWeather(t *testing.T) {
	storm := memory.Weather{MaxDelay: time.Second, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2}
	if !slices.Equal(throughWeather(t, 3, storm), throughWeather(t, 3, storm)) {
		t.Error("one seed gave two results")
	}
	if slices.Equal(throughWeather(t, 3, storm), throughWeather(t, 4, storm)) {
		t.Error("two seeds gave one result")
	}
}

func TestACutIsSilentAndOneWay(t *testing.T) {
	n := memory.NewNetwork(1)
	a, b := pair(t, n)
	n.Cut("a", "b")
	send(a, 1, toB, 1)
	send(b, 2, wire.Peer{ID: 1, Addr: "a"}, 2)
	expect(t, "b", b, "")
	expect(t, "a", a, "2")
	n.Heal()
	send(a, 1, toB, 3)
	expect(t, "b", b, "3")
}

func TestACutStopsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memory.NewNetwork(1)
		a, b := pair(t, n)
		n.SetWeather(memory.Weather{MinDelay: time.Second})
		send(a, 1, toB, 1)
		n.Cut("a", "b")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, "b", b, "")
	})
}

func TestAProcessThatEndsBehindACutIsNoticedWhenItHeals(t *testing.T) {
	n := memory.NewNetwork(1)
	a, b := pair(t, n)
	n.Partition([]string{"a"}, []string{"b"})
	b.Close()
	expect(t, "a behind the cut", a, "")
	n.Heal()
	expect(t, "a", a, "down 2 gone=true")
}

func TestARestartBehindACutComesUpInAnotherIncarnation(t *testing.T) {
	n := memory.NewNetwork(1)
	a, b := pair(t, n)
	n.Partition([]string{"a"}, []string{"b"})
	b.Close()
	open(t, n, "b").Introduce(card(2, 2))
	expect(t, "a behind the cut", a, "")
	n.HealRoute("a", "b")
	expect(t, "a, healed in one direction", a, "")
	n.HealRoute("b", "a")
	expect(t, "a", a, "up 2.2")
}

func TestABrokenConnectionIsMadeAgainOrReportedDown(t *testing.T) {
	n := memory.NewNetwork(1)
	a, b := pair(t, n)
	n.Break("a", "b")
	expect(t, "a", a, "up 2.1")
	expect(t, "b", b, "up 1.1")
	n.Cut("b", "a")
	n.Break("a", "b")
	expect(t, "a", a, "down 2 gone=false")
}

func TestAnAddressInUseIsNamed(t *testing.T) {
	n := memory.NewNetwork(1)
	open(t, n, "a")
	if _, err := n.Listen("a"); err == nil || !strings.Contains(err.Error(), "listen at a: address already in use") {
		t.Errorf("got error %v", err)
	}
}

// A bubble skips the hour; a network that used another clock would not.
func TestWaitsByTheClockOfABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memory.NewNetwork(1)
		n.SetWeather(memory.Weather{MaxDelay: time.Hour})
		a, b := pair(t, n)
		send(a, 1, toB, 1)
		<-b.Wake() // the token of the first Up
		<-b.Wake()
		expect(t, "b", b, "1")
	})
}
