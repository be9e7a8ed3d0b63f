package introducer

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

func TestMembersHearWhoComesAndGoes(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		a, welcome := w.enter("a")
		if len(welcome.Peers) != 0 || welcome.Limits.Members != 32 || welcome.Limits.Relay != room.MaxRelay {
			t.Errorf("alone, and welcomed with %+v", welcome)
		}
		b, welcome := w.enter("b")
		if len(welcome.Peers) != 1 || welcome.Peers[0].Member != "a" || welcome.Peers[0].Seat != a.seat || !bytes.Equal(welcome.Peers[0].Nonce, helloOf(kitchen, "a").Nonce) {
			t.Errorf("welcomed with %+v, and a is there", welcome.Peers)
		}
		joined := a.told(room.TypeJoined)
		if joined.Peer.Seat != b.seat || joined.Peer.Member != "b" {
			t.Errorf("b came, and it was told of %+v", joined.Peer)
		}
		stranger, welcome := w.enterRoom("ffffffffffffffffffffffffffffffff", "c")
		if len(welcome.Peers) != 0 {
			t.Errorf("in another room it was told of %+v", welcome.Peers)
		}
		must(t, stranger.conn.CloseNow())
		must(t, b.conn.Close(websocket.StatusNormalClosure, ""))
		if left := a.told(room.TypeLeft); left.Seat != b.seat {
			t.Errorf("b left, and seat %d was told", left.Seat)
		}
		synctest.Wait()
		if got := w.s.Status(); got != (Status{Rooms: 1, Members: 1, Connections: 1}) {
			t.Errorf("one is there, and the status is %+v", got)
		}
	})
}

func TestSignalsAndFramesGoToWhomTheyAreForAndSayWhoseTheyAre(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		b, _ := w.enter("b")
		c, _ := w.enter("c")
		a.told(room.TypeJoined)
		a.told(room.TypeJoined)
		b.told(room.TypeJoined)

		a.signal(b.seat, 7, "sealed for b, and long enough")
		if m := b.told(room.TypeSignal); m.From != a.seat || m.Counter != 7 || string(m.Sealed) != "sealed for b, and long enough" {
			t.Errorf("a signalled to b, which heard %+v", m)
		}
		sent := frame(b.seat, 8, 100)
		c.write(websocket.MessageBinary, sent)
		room.PutRelaySeat(sent, c.seat)
		if got := b.hear(); !bytes.Equal(got.frame, sent) {
			t.Errorf("c's frame came as %+v", got)
		}
		c.say(room.Said{Type: room.TypePing})
		c.told(room.TypePong)
		a.silent()
	})
}

func TestNobodyReachesAnotherRoom(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		other, _ := w.enterRoom("ffffffffffffffffffffffffffffffff", "b")
		third, _ := w.enterRoom("ffffffffffffffffffffffffffffffff", "c")
		other.told(room.TypeJoined)
		for _, seat := range []room.Seat{third.seat, 99} {
			a.signal(seat, 1, "sealed, and long enough")
			if e := a.told(room.TypeError); e.Code != room.NoSuchSeat || e.Seat != seat {
				t.Errorf("seat %d is not in the room, and it heard %+v", seat, e)
			}
			a.write(websocket.MessageBinary, frame(seat, 1, 100))
			if e := a.told(room.TypeError); e.Code != room.NoSuchSeat || e.Seat != seat {
				t.Errorf("seat %d is not in the room, and it heard %+v", seat, e)
			}
		}
		third.silent()
	})
}

// A window that is reloaded comes back before its former connection has ended.
func TestAMemberThatComesAgainTakesItsOwnPlace(t *testing.T) {
	inWorld(t, Options{MaxMembers: 2}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		b, _ := w.enter("b")
		a.told(room.TypeJoined)
		again, welcome := w.enter("b")
		if again.seat == b.seat || len(welcome.Peers) != 1 || welcome.Peers[0].Member != "a" {
			t.Errorf("b came again to seat %d after %d, and was told of %+v", again.seat, b.seat, welcome.Peers)
		}
		if left, joined := a.told(room.TypeLeft), a.told(room.TypeJoined); left.Seat != b.seat || joined.Peer.Seat != again.seat {
			t.Errorf("a heard that %d left and %d came, not %d and %d", left.Seat, joined.Peer.Seat, b.seat, again.seat)
		}
		b.parted(room.Displaced)
		a.silent()
		synctest.Wait()
		if got := w.s.Status(); got.Members != 2 || got.Connections != 2 {
			t.Errorf("two are there, and the status is %+v", got)
		}
	})
}

func TestWhatIsNoMessageEndsTheConnectionAndSaysWhy(t *testing.T) {
	hello := `{"type":"hello","protocol":1,"room":"` + string(kitchen) + `","member":"x","nonce":"AAAAAAAAAAAAAAAAAAAAAA=="}`
	for why, said := range map[string][]string{
		"no JSON":                 {"hello"},
		"not an object":           {"[1,2]"},
		"two objects":             {hello + hello},
		"no type":                 {"{}"},
		"a signal first":          {`{"type":"signal","to":1,"counter":1,"sealed":"AAAAAAAAAAAAAAAAAAAAAA=="}`},
		"a second hello":          {hello, hello},
		"another protocol":        {strings.Replace(hello, `"protocol":1`, `"protocol":2`, 1)},
		"a short room":            {strings.Replace(hello, "0123", "", 1)},
		"a room in capitals":      {strings.Replace(hello, "abcdef", "ABCDEF", 1)},
		"a member with a slash":   {strings.Replace(hello, `"x"`, `"x/y"`, 1)},
		"no member":               {strings.Replace(hello, `"x"`, `""`, 1)},
		"a short nonce":           {strings.Replace(hello, "AAAAAAAAAAAAAAAAAAAAAA==", "AAAA", 1)},
		"a long token":            {strings.Replace(hello, "}", `,"token":"`+strings.Repeat("x", 2000)+`"}`, 1)},
		"an unknown type":         {hello, `{"type":"shout"}`},
		"an introducer's word":    {hello, `{"type":"welcome"}`},
		"a signal without a seal": {hello, `{"type":"signal","to":1,"counter":1}`},
		"a signal to nobody":      {hello, `{"type":"signal","counter":1,"sealed":"AAAAAAAAAAAAAAAAAAAAAA=="}`},
		"a counter of nothing":    {hello, `{"type":"signal","to":1,"sealed":"AAAAAAAAAAAAAAAAAAAAAA=="}`},
		"a seat that is negative": {hello, `{"type":"signal","to":-1,"counter":1,"sealed":"AAAAAAAAAAAAAAAAAAAAAA=="}`},
	} {
		t.Run(why, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, w *world) {
				m := w.connect()
				for i, s := range said {
					if i > 0 {
						m.told(room.TypeWelcome)
					}
					m.write(websocket.MessageText, []byte(s))
				}
				m.parted(room.BadMessage)
			})
		})
	}
}

func TestWhatIsNoFrameEndsTheConnectionAndSaysWhy(t *testing.T) {
	for why, c := range map[string]struct {
		frame []byte
		code  room.Code
	}{
		"too short":         {frame(1, 1, room.Overhead-1), room.BadMessage},
		"empty":             {nil, room.BadMessage},
		"of another kind":   {append([]byte{2}, frame(1, 1, 100)[1:]...), room.BadMessage},
		"without a seat":    {frame(0, 1, 100), room.BadMessage},
		"larger than it is": {frame(1, 1, room.MaxRelay), room.TooLarge},
	} {
		t.Run(why, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, w *world) {
				m, _ := w.enter("a")
				m.write(websocket.MessageBinary, c.frame)
				m.parted(c.code)
			})
		})
	}
	t.Run("before the hello", func(t *testing.T) {
		inWorld(t, Options{}, func(t *testing.T, w *world) {
			m := w.connect()
			m.write(websocket.MessageBinary, frame(1, 1, 100))
			m.parted(room.BadMessage)
		})
	})
}

func TestWhoSaysNothingIsPartedWith(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		start := time.Now()
		w.connect().parted(room.BadMessage)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %v, not 10s", took)
		}
	})
}

func TestAMemberWithoutTheSubprotocolIsToldSo(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		conn, _, err := websocket.Dial(t.Context(), "ws://introducer:3000"+room.Path, &websocket.DialOptions{HTTPClient: w.http})
		must(t, err)
		(&member{t: t, conn: conn}).parted(room.BadMessage)
	})
}

func TestPagesOfOthersAreRefused(t *testing.T) {
	for _, c := range []struct {
		origin  string
		allowed []string
		in      bool
	}{
		{"", nil, true},
		{"http://introducer:3000", nil, true},
		{"http://introducer:3001", nil, false},
		{"http://evil.example", nil, false},
		{"null", nil, false},
		{"%", nil, false},
		{"https://app.example", []string{"https://app.example"}, true},
		{"https://app.example.evil", []string{"https://app.example"}, false},
		{"http://app.example", []string{"https://app.example"}, false},
		{"https://anyone.example", []string{"*"}, true},
	} {
		inWorld(t, Options{Origins: c.allowed}, func(t *testing.T, w *world) {
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			_, answer, err := w.knock(header)
			if in := err == nil; in != c.in {
				t.Errorf("a page of %q where %v may: let in %v", c.origin, c.allowed, in)
			}
			if c.in {
				return
			}
			if body := bodyOf(t, answer); answer.StatusCode != http.StatusForbidden || !strings.Contains(body, `"code":"origin"`) {
				t.Errorf("a page of %q is answered with %d %s", c.origin, answer.StatusCode, body)
			}
		})
	}
}

func TestAnEndingIntroducerSaysSo(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		silent := w.connect()
		closed := make(chan error, 1)
		go func() { closed <- w.s.Close() }()
		a.parted(room.GoingAway)
		silent.parted(room.GoingAway)
		must(t, <-closed)
		if _, answer, err := w.knock(nil); err == nil || answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("an introducer that has ended lets in: %v", err)
		}
	})
}
