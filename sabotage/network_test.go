package sabotage

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/wire"
)

// plain is a transport that keeps what was sent and has one message from each member.
type plain struct {
	balsa.Transport
	sent   []string
	closed int
}

func (p *plain) Send(to wire.Peer, _ *wire.Message) { p.sent = append(p.sent, to.Addr) }

func (p *plain) Close() error { p.closed++; return nil }

func (p *plain) Drain(into []wire.Arrival) []wire.Arrival {
	return append(into,
		wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{Addr: "a:1"}},
		wire.Arrival{Kind: wire.ArrivedUp, Card: wire.Card{Addr: "a:1"}},
		wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{Addr: "b:1"}})
}

func TestACutLosesMessagesBothWaysUntilItIsHealed(t *testing.T) {
	p := &plain{}
	c := NewNetwork(p)
	heard := func() (from []string) {
		earlier := wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{Addr: "z:1"}}
		for _, a := range c.Drain([]wire.Arrival{earlier})[1:] {
			if a.Kind == wire.ArrivedMessage {
				from = append(from, a.Card.Addr)
			}
		}
		return from
	}
	send := func() []string {
		p.sent = nil
		for _, addr := range []string{"a:1", "b:1"} {
			c.Send(wire.Peer{Addr: addr}, &wire.Message{})
		}
		return p.sent
	}
	both, second := []string{"a:1", "b:1"}, []string{"b:1"}
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"whole", func() {}, both},
		{"cut", func() { c.Cut("a:1") }, second},
		{"healed", func() { c.Join("a:1") }, both},
	} {
		step.do()
		if got := heard(); !slices.Equal(got, step.want) {
			t.Errorf("%s: hears %v, want %v", step.what, got, step.want)
		}
		if got := send(); !slices.Equal(got, step.want) {
			t.Errorf("%s: reaches %v, want %v", step.what, got, step.want)
		}
	}
}

func TestAPausedMemberTakesNothingInUntilItIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewNetwork(&plain{})
		c.Pause()
		taken := make(chan int, 1)
		go func() { taken <- len(c.Drain(nil)) }()
		synctest.Wait()
		select {
		case <-taken:
			t.Error("it takes something in")
		default:
		}
		c.Resume()
		if n := <-taken; n != 3 {
			t.Errorf("it takes %d in", n)
		}
	})
}

func TestWhoWasKilledNeitherHearsNorSaysAnything(t *testing.T) {
	p := &plain{}
	c := NewNetwork(p)
	c.Pause()
	if err := errors.Join(c.Kill(), c.Close()); err != nil || p.closed != 1 {
		t.Errorf("%v, closed %d times", err, p.closed)
	}
	c.Send(wire.Peer{Addr: "a:1"}, &wire.Message{})
	if heard := c.Drain(nil); len(heard)+len(p.sent) > 0 {
		t.Errorf("it hears %v and says %v", heard, p.sent)
	}
}
