package tcp_test

import (
	"strings"
	"testing"

	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// TestHandshakeNamesTheDifference: both ends hear what differs, each from its side.
func TestHandshakeNamesTheDifference(t *testing.T) {
	authority := certs.New(t)
	other := card(1)
	other.Cluster = 0xc2
	twin := card(2)
	twin.Incarnation = 99
	for name, c := range map[string]struct {
		dialled        wire.Card // who listens
		a, b           tcp.Options
		what           wire.Difference
		says, theySay  string // the dialler's error and the other's
		onlyTheDialler bool   // the other has nobody to report
	}{
		"another cluster": {dialled: other, what: wire.DifferentCluster,
			says: "cluster differs: ours is 00000000000000c1, theirs is 00000000000000c2", theySay: "cluster differs: ours is 00000000000000c2, theirs is 00000000000000c1"},
		"another member": {dialled: card(7), what: wire.DifferentMember,
			says: "member identity differs: 1 was expected, 7 answers", theySay: "member identity differs: this is 7, the other expects 1"},
		"the same member twice": {dialled: twin, what: wire.DifferentMember,
			says: "two processes have one identity; was a directory copied?", theySay: "two processes have one identity"},
		"another group": {dialled: card(1), a: tcp.Options{Group: 3}, b: tcp.Options{Group: 4}, what: wire.DifferentGroup,
			says: "group differs: ours is 3, theirs is 4", theySay: "group differs: ours is 4, theirs is 3"},
		"TLS to a plain port": {dialled: card(1), a: tcp.Options{TLS: authority.Member("m2")}, what: wire.DifferentSecurity,
			says: "transport security differs: ours is TLS, theirs is none", onlyTheDialler: true, theySay: "ours is none, theirs is TLS"},
		"plain to a TLS port": {dialled: card(1), b: tcp.Options{TLS: authority.Member("m1")}, what: wire.DifferentSecurity,
			says: "transport security differs: ours is none, theirs is TLS", onlyTheDialler: true, theySay: "ours is TLS, theirs is none"},
	} {
		t.Run(name, func(t *testing.T) {
			var l trial.Log
			c.b.Logger = l.Logger()
			a, b := openAs(t, 2, c.a), open(t, "127.0.0.1:0", c.b)
			b.Introduce(c.dialled)
			a.Connect([]wire.Peer{{ID: 1, Addr: b.Addr()}})
			if err := trial.AwaitRefusal(t, a, c.what); !strings.Contains(err.Error(), c.says) || !err.Dialled {
				t.Errorf("who dialled hears %q", err)
			}
			if c.onlyTheDialler {
				l.Await(t, c.theySay)
			} else if err := trial.AwaitRefusal(t, b, c.what); !strings.Contains(err.Error(), c.theySay) || err.Dialled {
				t.Errorf("who was dialled hears %q", err)
			}
		})
	}
}

// TestVersionsAreNegotiated: a newer program that still speaks ours is welcome, one
// that does not hears which versions there are.
func TestVersionsAreNegotiated(t *testing.T) {
	a := openAs(t, 1, tcp.Options{})
	newer := card(2)
	newer.Versions.Newest = wire.ClusterVersion{Log: 9, Commands: 9}
	hello := wire.NewHello(newer, wire.LaneMessages, 1)
	hello.MinVersion, hello.MaxVersion = 1, 7
	r := dialRaw(t, a.Addr())
	r.say(frame(wire.FrameHello, 0, append(hello.Append(nil), "what a newer version adds"...)))
	h, payload := r.hear()
	if welcome, err := wire.DecodeHandshakeWelcome(payload); h.Kind != wire.FrameWelcome || err != nil || welcome.Version != 1 {
		t.Errorf("a newer program gets %+v, %v", welcome, err)
	}

	hello.MinVersion = 2
	r = dialRaw(t, a.Addr())
	r.say(frame(wire.FrameHello, 0, hello.Append(nil)))
	if refusal := r.hearRefusal(); refusal.What != wire.DifferentVersion || refusal.Ours != "1" || refusal.Theirs != "2 to 7" {
		t.Errorf("a program too new gets %+v", refusal)
	}
	if err := trial.AwaitRefusal(t, a, wire.DifferentVersion); err.Ours != "1" || err.Theirs != "2 to 7" {
		t.Errorf("the owner hears %q", err)
	}
}

func TestAnUnknownLaneIsRefused(t *testing.T) {
	a := openAs(t, 1, tcp.Options{})
	r := dialRaw(t, a.Addr())
	r.say(frame(wire.FrameHello, 0, wire.NewHello(card(2), 9, 1).Append(nil)))
	if refusal := r.hearRefusal(); refusal.Text != "lane(9) is unknown here" {
		t.Errorf("it hears %+v", refusal)
	}
}

// TestWhatPassesByItselfIsNotReported: while a cluster is founded, its members learn
// of it one after the other.
func TestWhatPassesByItselfIsNotReported(t *testing.T) {
	a, b := openAs(t, 1, tcp.Options{}), open(t, "127.0.0.1:0", tcp.Options{})
	early := card(2)
	early.Cluster = 0
	b.Introduce(early)
	a.Connect([]wire.Peer{{ID: 2, Addr: b.Addr()}})
	// Once b has seen a's hello it has refused it; only then it learns of the cluster.
	r := dialRaw(t, b.Addr())
	r.say(frame(wire.FrameHello, 0, wire.NewHello(card(3), wire.LaneMessages, 2).Append(nil)))
	if refusal := r.hearRefusal(); refusal.What != wire.DifferentCluster || refusal.Ours != "none yet" {
		t.Errorf("a member too early gets %+v", refusal)
	}
	b.Introduce(card(2))
	trial.Await(t, a, "the connection", func(x wire.Arrival) bool {
		if x.Kind == wire.ArrivedRefusal {
			t.Errorf("it is reported: %v", x.Err)
		}
		return x.Kind == wire.ArrivedUp
	})
	for _, x := range b.Drain(nil) {
		if x.Kind == wire.ArrivedRefusal {
			t.Errorf("the other end reports it: %v", x.Err)
		}
	}
}

// TestDiallingOneselfIsNotReported: all members may be started with the same list of
// addresses.
func TestDiallingOneselfIsNotReported(t *testing.T) {
	a, b := openAs(t, 1, tcp.Options{}), openAs(t, 2, tcp.Options{})
	join := &wire.Message{Kind: wire.Join, From: 1, ID: 1}
	a.Send(wire.Peer{Addr: a.Addr()}, join)
	a.Send(wire.Peer{Addr: b.Addr()}, join)
	trial.Await(t, b, "an introduction elsewhere", trial.Of(wire.ArrivedMessage))
	a.Connect([]wire.Peer{{ID: 2, Addr: b.Addr()}})
	trial.Await(t, a, "the connection", func(x wire.Arrival) bool {
		if x.Kind != wire.ArrivedUp {
			t.Errorf("arrived %+v", x)
		}
		return x.Kind == wire.ArrivedUp
	})
}
