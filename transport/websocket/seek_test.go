package websocket

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/wire"
)

// TestOneOfThoseWhoSeekFounds lets several members into an empty room at once.
func TestOneOfThoseWhoSeekFounds(t *testing.T) {
	url := introduce(t, introducer.Options{})
	var members []*Transport
	for _, name := range []string{"a", "b", "c", "d"} {
		members = append(members, meet(t, Options{Introducer: url, Member: name}))
	}
	joined := make([][]string, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			joined[i] = others(t, m)
			m.Connect(nil) // it belongs now
		})
	}
	all.Wait()
	founders := 0
	for i, addrs := range joined {
		if len(addrs) == 0 {
			founders++
		}
		if slices.Contains(addrs, members[i].Addr()) {
			t.Errorf("%s joins itself", members[i].Addr())
		}
	}
	if founders != 1 {
		t.Errorf("%d found a cluster: %v", founders, joined)
	}
}

// TestWhoBelongsIsWaitedFor has a newcomer reach an introducer that was restarted before
// those who belong are back.
func TestWhoBelongsIsWaitedFor(t *testing.T) {
	url := introduce(t, introducer.Options{})
	newcomer := meet(t, Options{Introducer: url, Member: "newcomer"})
	for newcomer.Err() != nil {
		time.Sleep(time.Millisecond) // until it is there
	}
	another := meet(t, Options{Introducer: url, Member: "another"}) // who knows no more
	member := meet(t, Options{Introducer: url, Member: "member"})
	member.Connect([]wire.Peer{{ID: 7, Addr: "room:away"}})
	for _, m := range []*Transport{newcomer, another} {
		if got := others(t, m); !slices.Equal(got, []string{member.Addr(), AnyMember}) {
			t.Errorf("%s joins %v", m.Addr(), got)
		}
	}
}

func others(t *testing.T, m *Transport) []string {
	addrs, err := m.Others(t.Context())
	if err != nil && context.Cause(t.Context()) == nil {
		t.Errorf("%s: %v", m.Addr(), err)
	}
	return addrs
}
