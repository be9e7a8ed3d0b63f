package balsatest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// Transport is what the suite needs of a transport: what balsa.Transport asks for.
type Transport interface {
	Introduce(wire.Card)
	Connect([]wire.Peer)
	Send(wire.Peer, *wire.Message)
	Drain([]wire.Arrival) []wire.Arrival
	Wake() <-chan struct{}
	Addr() string
	Close() error
}

// Listen opens a transport at an address, or with "" at any that is free. All that
// one Listen opens must be able to reach each other.
type Listen func(t *testing.T, addr string) Transport

// TestTransport checks a transport. It calls network once for each of its tests, for
// a Listen that shares nothing with the others, and closes each transport that it
// opened.
func TestTransport(t *testing.T, network func(t *testing.T) Listen) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, listen Listen)
	}{
		{"a member that was connected to is up", testUp},
		{"messages arrive whole and in order", testOrder},
		{"a message keeps every field", testFields},
		{"what arrived shares no memory with what was sent", testMemory},
		{"large and bulk messages arrive", testBulk},
		{"a stranger is introduced by address alone", testIntroduction},
		{"only introductions pass between strangers", testStrangers},
		{"members of different clusters part with an error that says so", testOtherCluster},
		{"another member at the address gets nothing, and both hear why", testOtherMember},
		{"a process that ended is gone", testGone},
		{"a restarted member is up in another incarnation", testRestart},
		{"a member may move", testMoved},
		{"who connects says where it listens", testGuest},
		{"a member that is not connected to can be answered", testAnswer},
		{"who was let go is not reported any more", testLetGo},
		{"Send never waits", testSendNeverWaits},
		{"one that calls for messages calls where it can be used", testOnMessage},
		{"one that counts counts alike at both ends", testTraffic},
		{"Close ends everything, twice", testClose},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, network(t)) })
	}
}

const (
	cluster wire.ClusterID = 0xc1
	// eventually is how long a condition may take; nothing that works takes as long.
	eventually = 20 * time.Second
	// again is the pause between repetitions of what may be dropped.
	again = 20 * time.Millisecond
)

// station is one transport and what has arrived at it.
type station struct {
	Transport
	t       *testing.T
	card    wire.Card
	arrived []wire.Arrival
}

// place opens a transport for a member of the cluster.
func place(t *testing.T, listen Listen, addr string, card wire.Card) *station {
	t.Helper()
	s := &station{Transport: listen(t, addr), t: t, card: card}
	t.Cleanup(func() { s.Close() })
	s.card.Addr = s.Addr()
	s.Introduce(s.card)
	return s
}

func member(id wire.MemberID) wire.Card {
	return wire.Card{Cluster: cluster, ID: id, Incarnation: uint64(id) << 8, Name: "m" + id.String()}
}

func (s *station) peer() wire.Peer { return wire.Peer{ID: s.card.ID, Addr: s.card.Addr} }

func (s *station) connect(others ...*station) {
	var peers []wire.Peer
	for _, o := range others {
		peers = append(peers, o.peer())
	}
	s.Connect(peers)
}

// await waits for an arrival, and takes all before it out of the way.
func (s *station) await(what string, is func(wire.Arrival) bool) wire.Arrival {
	s.t.Helper()
	return s.awaitWhile(what, is, nil)
}

// awaitWhile is await that does something again and again meanwhile.
func (s *station) awaitWhile(what string, is func(wire.Arrival) bool, do func()) wire.Arrival {
	s.t.Helper()
	deadline := time.After(eventually)
	for {
		s.arrived = s.Drain(s.arrived)
		if i := slices.IndexFunc(s.arrived, is); i >= 0 {
			found := s.arrived[i]
			s.arrived = s.arrived[i+1:]
			return found
		}
		if do != nil {
			do()
		}
		select {
		case <-s.Wake():
		case <-time.After(again):
		case <-deadline:
			s.t.Fatalf("member %s waited in vain for %s; it has %v", s.card.ID, what, s.arrived)
		}
	}
}

func (s *station) awaitUp(of *station) wire.Arrival {
	s.t.Helper()
	return s.await("the link to come up", func(a wire.Arrival) bool {
		return a.Kind == wire.ArrivedUp && a.Card.ID == of.card.ID && a.Card.Incarnation == of.card.Incarnation
	})
}

func (s *station) awaitRefusal(of wire.Difference) *wire.HandshakeError {
	s.t.Helper()
	var refusal *wire.HandshakeError
	s.await("a refusal", func(a wire.Arrival) bool {
		return a.Kind == wire.ArrivedRefusal && errors.As(a.Err, &refusal) && refusal.What == of
	})
	return refusal
}

func isMessage(id uint64) func(wire.Arrival) bool {
	return func(a wire.Arrival) bool { return a.Kind == wire.ArrivedMessage && a.Message.ID == id }
}

// message is a message of which nothing but the sender, the receiver and the number
// matters.
func (s *station) message(to wire.MemberID, id uint64) *wire.Message {
	return &wire.Message{Kind: wire.ReadIndex, From: s.card.ID, To: to, Term: 1, ID: id}
}

// pair is two members that are connected.
func pair(t *testing.T, listen Listen) (a, b *station) {
	t.Helper()
	a, b = place(t, listen, "", member(1)), place(t, listen, "", member(2))
	a.connect(b)
	b.connect(a)
	a.awaitUp(b)
	b.awaitUp(a)
	return a, b
}

func testUp(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", member(1)), place(t, listen, "", member(2))
	a.connect(b)
	if up := a.awaitUp(b); up.Card != b.card {
		t.Errorf("Up came with card %+v, the member's is %+v", up.Card, b.card)
	}
}

func testOrder(t *testing.T, listen Listen) {
	const count = 2000
	a, b := pair(t, listen)
	for id := range uint64(count) {
		a.Send(b.peer(), a.message(b.card.ID, id))
	}
	next := uint64(0)
	for next < count {
		got := b.await("the next message", func(x wire.Arrival) bool { return x.Kind == wire.ArrivedMessage })
		if got.Message.ID != next || got.Card != a.card {
			t.Fatalf("message %d came from %+v, message %d from %+v was next", got.Message.ID, got.Card, next, a.card)
		}
		next++
	}
}

// entries is a batch of that many entries, the first at the given position.
func entries(first wire.Pos, sizes ...int) wire.Batch {
	body := wire.NewBody(0)
	for i, size := range sizes {
		body = wire.AppendEntry(body, wire.KindCommand, bytes.Repeat([]byte{byte('a' + i)}, size))
	}
	return wire.NewBatch(first, 12345, len(sizes), body)
}

func testFields(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	sent := []wire.Message{
		{Kind: wire.Append, Lease: true, Force: true, Term: 7, Pos: wire.Pos{Term: 5, Index: 10}, Commit: 9, Session: 3, Round: 4, ID: 1,
			Batches: []wire.Batch{entries(wire.Pos{Term: 5, Index: 11}, 1, 200, 0), entries(wire.Pos{Term: 7, Index: 14}, 3)}},
		{Kind: wire.AppendReply, Reject: true, Term: 1 << 60, Index: 1 << 50, Pos: wire.Pos{Term: 1, Index: 2}, ID: 2},
		{Kind: wire.Forward, Data: []byte("body"), Index: 1, Done: true, ID: 3},
	}
	for i := range sent {
		sent[i].From, sent[i].To = a.card.ID, b.card.ID
		a.Send(b.peer(), &sent[i])
	}
	for _, want := range sent {
		got := b.await(want.String(), isMessage(want.ID)).Message
		if !bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Errorf("sent %v\ngot  %v", want, got)
		}
		if len(got.Spans) != len(want.Batches) {
			t.Errorf("%d batches came with %d spans", len(want.Batches), len(got.Spans))
		}
	}
}

func testMemory(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	data := []byte("written once")
	m := wire.Message{Kind: wire.Forward, From: a.card.ID, To: b.card.ID, ID: 1, Data: data, Index: 1}
	a.Send(b.peer(), &m)
	first := b.await("the first", isMessage(1)).Message
	first.Data[0] = 'W'
	if string(data) != "written once" {
		t.Error("a change at the receiver reached the sender")
	}
	m.ID = 2
	a.Send(b.peer(), &m)
	second := b.await("the second", isMessage(2)).Message
	second.Data[1] = 'R'
	if string(first.Data) != "Written once" {
		t.Errorf("a later message changed an earlier one to %q", first.Data)
	}
}

func testBulk(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	large := bytes.Repeat([]byte("balsa"), 1<<20)
	a.Send(b.peer(), &wire.Message{Kind: wire.Forward, From: a.card.ID, To: b.card.ID, ID: 1, Data: large, Index: 1})
	if got := b.await("a large message", isMessage(1)).Message; !bytes.Equal(got.Data, large) {
		t.Error("a large message came with other bytes than it was sent with")
	}
	chunk := &wire.Message{Kind: wire.SnapshotChunk, From: a.card.ID, To: b.card.ID, ID: 2, Data: large[:256<<10]}
	got := b.awaitWhile("a bulk message", isMessage(2), func() { a.Send(b.peer(), chunk) }).Message
	if !bytes.Equal(got.Data, chunk.Data) {
		t.Error("a bulk message came with other bytes than it was sent with")
	}
}

func stranger(id wire.MemberID) wire.Card {
	c := member(id)
	c.Cluster = 0
	return c
}

func testIntroduction(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", stranger(1)), place(t, listen, "", member(2))
	join := &wire.Message{Kind: wire.Join, From: 1, ID: 1, Data: a.card.Append(nil)}
	got := b.awaitWhile("a stranger's message", isMessage(1), func() { a.Send(wire.Peer{Addr: b.Addr()}, join) })
	if got.Card != a.card {
		t.Errorf("it came with card %+v, the stranger's is %+v", got.Card, a.card)
	}
	welcome := &wire.Message{Kind: wire.Welcome, From: 2, To: 1, ID: 2, Data: []byte("hello")}
	a.awaitWhile("the answer", isMessage(2), func() { b.Send(wire.Peer{Addr: a.Addr()}, welcome) })
}

// testStrangers lets one more message follow that may pass, and looks whether the
// first did.
func testStrangers(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", stranger(1)), place(t, listen, "", member(2))
	a.connect(b)
	a.Send(b.peer(), a.message(2, 1))
	join := &wire.Message{Kind: wire.Join, From: 1, ID: 2, Data: a.card.Append(nil)}
	b.awaitWhile("an introduction", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedMessage && x.Message.ID == 1 {
			t.Fatal("a stranger's message came through")
		}
		return isMessage(2)(x)
	}, func() { a.Send(wire.Peer{Addr: b.Addr()}, join) })

	// It becomes a member, and is let in without another word.
	a.card.Cluster = cluster
	a.Introduce(a.card)
	a.awaitUp(b)
}

func testOtherCluster(t *testing.T, listen Listen) {
	other := member(2)
	other.Cluster = 0xc2
	a, b := place(t, listen, "", member(1)), place(t, listen, "", other)
	a.connect(b)
	ours, theirs := a.awaitRefusal(wire.DifferentCluster), b.awaitRefusal(wire.DifferentCluster)
	if ours.Ours != cluster.String() || ours.Theirs != other.Cluster.String() {
		t.Errorf("who dialled hears %q", ours)
	}
	if theirs.Ours != other.Cluster.String() || theirs.Theirs != cluster.String() {
		t.Errorf("who was dialled hears %q", theirs)
	}
}

func testOtherMember(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", member(1)), place(t, listen, "", member(2))
	wrong := wire.Peer{ID: 3, Addr: b.Addr()}
	a.Connect([]wire.Peer{wrong})
	a.Send(wrong, a.message(3, 1))
	ours, theirs := a.awaitRefusal(wire.DifferentMember), b.awaitRefusal(wire.DifferentMember)
	if ours.Ours != "3" || ours.Theirs != "2" {
		t.Errorf("who dialled hears %q", ours)
	}
	if theirs.Ours != "2" || theirs.Theirs != "3" {
		t.Errorf("who was dialled hears %q", theirs)
	}
	if slices.ContainsFunc(b.Drain(b.arrived), isMessage(1)) {
		t.Error("a message for another member came through")
	}
}

func testGone(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	b.Close()
	a.await("the news that its process ended", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedDown && !x.Gone {
			t.Fatal("the link is down, but its process not gone")
		}
		return x.Kind == wire.ArrivedDown && x.Card.ID == b.card.ID
	})
}

func testRestart(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	addr := b.Addr()
	b.Close()
	card := member(2)
	card.Incarnation++
	b = place(t, listen, addr, card)
	a.awaitUp(b)
	b.awaitWhile("a message after the restart", isMessage(1), func() { a.Send(b.peer(), a.message(2, 1)) })
}

func testMoved(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	moved := place(t, listen, "", wire.Card{Cluster: cluster, ID: 2, Incarnation: 7})
	b.Close()
	a.connect(moved)
	a.awaitUp(moved)
	moved.awaitWhile("a message at the new address", isMessage(1), func() { a.Send(moved.peer(), a.message(2, 1)) })
}

func testGuest(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", member(1)), place(t, listen, "", member(2))
	a.connect(b)
	a.awaitUp(b)
	guest := b.await("a guest", func(x wire.Arrival) bool { return x.Kind == wire.ArrivedGuest })
	if guest.Card != a.card {
		t.Errorf("the guest is %s, want %s", guest.Card, a.card)
	}
}

func testAnswer(t *testing.T, listen Listen) {
	a, b := place(t, listen, "", member(1)), place(t, listen, "", member(2))
	a.awaitWhile("an answer", isMessage(1), func() { b.Send(a.peer(), b.message(1, 1)) })
	for _, x := range b.Drain(b.arrived) {
		if x.Kind == wire.ArrivedUp || x.Kind == wire.ArrivedDown {
			t.Errorf("a link that Connect did not ask for was reported: %+v", x)
		}
	}
}

func testLetGo(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	c := place(t, listen, "", member(3))
	a.connect(c)
	a.awaitUp(c)
	b.Close()
	c.Close()
	a.await("the end of who is still connected", func(x wire.Arrival) bool {
		// That it had come by itself may be told late.
		if x.Card.ID == b.card.ID && x.Kind != wire.ArrivedGuest {
			t.Errorf("who was let go is reported: %+v", x)
		}
		return x.Kind == wire.ArrivedDown && x.Card.ID == c.card.ID
	})
}

// testSendNeverWaits sends far more than anyone would queue to a member that takes
// nothing, and less to one that does.
func testSendNeverWaits(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	c := place(t, listen, "", member(3))
	a.connect(b, c)
	a.awaitUp(c)
	flood := &wire.Message{Kind: wire.Forward, From: 1, To: 2, Data: make([]byte, 4<<20), Index: 1}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 100 {
			a.Send(b.peer(), flood)
		}
	}()
	select {
	case <-sent:
	case <-time.After(eventually):
		t.Fatal("Send waits for a member that takes nothing")
	}
	a.Send(c.peer(), a.message(3, 1))
	c.await("a message beside the flood", isMessage(1))
}

func testClose(t *testing.T, listen Listen) {
	a, b := pair(t, listen)
	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	a.Send(b.peer(), a.message(2, 1)) // dropped
	a.Connect([]wire.Peer{b.peer()})
	a.Introduce(a.card)
	if again := listen(t, a.Addr()); again.Close() != nil {
		t.Error(fmt.Errorf("the address %s is not free after Close", a.Addr()))
	}
}
