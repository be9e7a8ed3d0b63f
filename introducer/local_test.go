package introducer

import (
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

// enterHere is a member of the introducer's own process that is in.
func (w *world) enterHere(name string) (*member, room.Told) {
	w.t.Helper()
	conn, _, err := websocket.Dial(w.t.Context(), "ws://anywhere"+room.Path, &websocket.DialOptions{
		HTTPClient: w.s.Local(), Subprotocols: []string{room.Subprotocol},
	})
	must(w.t, err)
	w.t.Cleanup(func() { conn.CloseNow() })
	m := &member{t: w.t, conn: conn}
	m.say(helloOf(kitchen, name))
	welcome := m.told(room.TypeWelcome)
	m.seat = welcome.Seat
	return m, welcome
}

var server = room.ServerName("127.0.0.1:7001")

func TestMembersOfThisProcessNeedNoTokenAndHaveNoLimits(t *testing.T) {
	inWorld(t, Options{TokenKey: []byte("a key of thirty-two random bytes"), MaxMembers: 1, MessagesPerSecond: 1}, func(t *testing.T, w *world) {
		here, _ := w.enterHere(server)
		began := time.Now()
		for range 100 {
			here.say(room.Said{Type: room.TypePing})
			here.told(room.TypePong)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a hundred pings were answered in %v: somebody counted them", took)
		}
		outside := w.connect()
		outside.say(helloOf(kitchen, "a"))
		outside.parted(room.TokenMissing)
	})
}

func TestThereIsRoomForOthersBesideMembersOfThisProcess(t *testing.T) {
	inWorld(t, Options{MaxMembers: 1}, func(t *testing.T, w *world) {
		w.enterHere(server)
		w.enter("a")
		late := w.connect()
		late.say(helloOf(kitchen, "b"))
		late.parted(room.Full)
	})
}

func TestNobodyFromOutsideGoesByTheNameOfAServer(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		here, _ := w.enterHere(server)
		liar := w.connect()
		liar.say(helloOf(kitchen, server))
		liar.parted(room.BadMessage)
		here.say(room.Said{Type: room.TypePing})
		here.told(room.TypePong)
	})
}

func TestApartMembersSeeAndReachTheServersAlone(t *testing.T) {
	inWorld(t, Options{Apart: true}, func(t *testing.T, w *world) {
		here, _ := w.enterHere(server)
		a, welcome := w.enter("a")
		if len(welcome.Peers) != 1 || welcome.Peers[0].Member != server {
			t.Errorf("a was told of %+v, and only the server is there for it", welcome.Peers)
		}
		b, _ := w.enter("b")
		for _, m := range []*member{a, b} {
			if joined := here.told(room.TypeJoined); joined.Peer.Seat != m.seat {
				t.Errorf("the server was told of seat %d, not %d", joined.Peer.Seat, m.seat)
			}
		}
		b.write(websocket.MessageBinary, frame(a.seat, 1, 100))
		if e := b.told(room.TypeError); e.Code != room.NoSuchSeat {
			t.Errorf("b reached for a, and heard %+v", e)
		}
		b.write(websocket.MessageBinary, frame(here.seat, 1, 100))
		if h := here.hear(); len(h.frame) == 0 {
			t.Errorf("b sent to the server, which heard %+v", h)
		}
		a.silent()
	})
}

func TestWhoHasAnotherSecretIsToldSo(t *testing.T) {
	inWorld(t, Options{Room: kitchen}, func(t *testing.T, w *world) {
		w.enter("a")
		other := w.connect()
		other.say(helloOf("ffffffffffffffffffffffffffffffff", "b"))
		other.parted(room.WrongRoom)
	})
	if _, err := New(Options{Room: "kitchen"}); err == nil {
		t.Error("a room that is no identity of one was taken")
	}
}

func TestAClosedIntroducerTakesNobodyOfItsProcess(t *testing.T) {
	s, err := New(Options{})
	must(t, err)
	must(t, s.Close())
	if _, _, err := websocket.Dial(t.Context(), "ws://anywhere"+room.Path, &websocket.DialOptions{HTTPClient: s.Local()}); err == nil {
		t.Error("there is a connection")
	}
}
