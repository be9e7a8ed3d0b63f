package main

import (
	"slices"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/wire"
)

// plain is a transport that keeps what was sent and has one message from each member.
type plain struct {
	balsa.Transport
	sent []balsa.MemberID
}

func (p *plain) Send(to wire.Peer, _ *wire.Message) { p.sent = append(p.sent, to.ID) }

func (p *plain) Drain(into []wire.Arrival) []wire.Arrival {
	return append(into,
		wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{ID: 1}},
		wire.Arrival{Kind: wire.ArrivedUp, Card: wire.Card{ID: 1}},
		wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{ID: 2}})
}

func TestACutLosesMessagesBothWaysUntilItIsHealed(t *testing.T) {
	p := &plain{}
	c := &cuttable{Transport: p}
	heard := func() (ids []balsa.MemberID) {
		earlier := wire.Arrival{Kind: wire.ArrivedMessage, Card: wire.Card{ID: 9}}
		for _, a := range c.Drain([]wire.Arrival{earlier})[1:] {
			if a.Kind == wire.ArrivedMessage {
				ids = append(ids, a.Card.ID)
			}
		}
		return ids
	}
	send := func() []balsa.MemberID {
		p.sent = nil
		for _, id := range []balsa.MemberID{1, 2} {
			c.Send(wire.Peer{ID: id}, &wire.Message{})
		}
		return p.sent
	}
	both, second := []balsa.MemberID{1, 2}, []balsa.MemberID{2}
	for _, step := range []struct {
		what string
		do   func()
		want []balsa.MemberID
	}{
		{"whole", func() {}, both},
		{"cut", func() { c.cut(1) }, second},
		{"healed", c.heal, both},
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
