package introducer

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

func TestAFullRoomSaysSoAndOthersAreOpen(t *testing.T) {
	inWorld(t, Options{MaxMembers: 2, MaxRooms: 2}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		w.enter("b")
		a.told(room.TypeJoined)
		c := w.connect()
		c.say(helloOf(kitchen, "c"))
		c.parted(room.Full)
		a.silent()

		w.enterRoom("ffffffffffffffffffffffffffffffff", "c")
		d := w.connect()
		d.say(helloOf("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "d"))
		d.parted(room.TooManyRooms)
	})
}

func TestARoomThatIsEmptyMakesWayForAnother(t *testing.T) {
	inWorld(t, Options{MaxRooms: 1}, func(t *testing.T, w *world) {
		for i := range 20 {
			m, _ := w.enterRoom(room.ID(fmt.Sprintf("%032x", i)), "a")
			must(t, m.conn.Close(websocket.StatusNormalClosure, ""))
			synctest.Wait()
		}
		if got := w.s.Status(); got != (Status{}) {
			t.Errorf("all have left, and the status is %+v", got)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	for _, o := range []Options{{MaxConnections: 3}, {MaxPerAddress: 3}} {
		inWorld(t, o, func(t *testing.T, w *world) {
			first := w.connect()
			w.connect()
			w.connect()
			_, answer, err := w.knock(nil)
			if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("a fourth of three was let in: %v", err)
			}
			if body := bodyOf(t, answer); !strings.Contains(body, `"code":"busy"`) {
				t.Errorf("it was told %s", body)
			}
			must(t, first.conn.CloseNow())
			synctest.Wait()
			w.connect()
		})
	}
}

func TestAMessageThatIsTooLargeIsNotRead(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		m, _ := w.enter("a")
		go m.conn.Write(context.Background(), websocket.MessageText, make([]byte, room.MaxText+1))
		if h := m.hear(); h.closed != websocket.StatusMessageTooBig && h.told.Code != room.TooLarge {
			t.Errorf("heard %+v", h)
		}
	})
}

func TestAFloodOfWordsIsSlowedDownAndThenEnds(t *testing.T) {
	inWorld(t, Options{MessagesPerSecond: 50}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		b, _ := w.enter("b")
		a.told(room.TypeJoined)
		reading := b.keepsReading()
		start, sent := time.Now(), 0
		go func() {
			for ; ; sent++ {
				b := []byte(`{"type":"ping"}`)
				if a.conn.Write(context.Background(), websocket.MessageText, b) != nil {
					return
				}
			}
		}()
		for {
			h := a.hear()
			if h.told.Type == room.TypePong && time.Since(start) < 3*tooLong {
				continue
			}
			if h.told.Code != room.TooFast {
				t.Errorf("a flood ended with %+v", h)
			}
			break
		}
		took := time.Since(start)
		if took < tooLong || took > 2*tooLong || sent < 450 || sent > 650 {
			t.Errorf("%d messages were taken in %v; 50 a second are allowed, for %v", sent, took, tooLong)
		}
		must(t, b.conn.CloseNow())
		reading.Wait()
	})
}

func TestAFloodOfFramesIsOnlySlowedDown(t *testing.T) {
	inWorld(t, Options{BytesPerSecond: 256 << 10}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		b, _ := w.enter("b")
		a.told(room.TypeJoined)
		a.keepsReading()
		start := time.Now()
		const size = 16 << 10
		go func() {
			for counter := range uint64(8 << 20 / size) {
				if a.conn.Write(context.Background(), websocket.MessageBinary, frame(b.seat, counter+1, size)) != nil {
					return
				}
			}
		}()
		for came := 0; came < 8<<20; came += size {
			if h := b.hear(); len(h.frame) != size+room.RelayHeader {
				t.Fatalf("heard %+v", h)
			}
		}
		if took := time.Since(start); took < 25*time.Second || took > 38*time.Second {
			t.Errorf("8 MiB at 256 KiB/s took %v", took)
		}
	})
}

// Who does not read costs a bounded piece of memory, and nobody else waits for it.
func TestWhoDoesNotReadHoldsNobodyUp(t *testing.T) {
	const queue = 256 << 10
	inWorld(t, Options{QueueBytes: queue, Ping: time.Hour}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		deaf, _ := w.enter("deaf")
		b, _ := w.enter("b")
		a.told(room.TypeJoined)
		a.told(room.TypeJoined)
		for counter := range uint64(100) {
			a.write(websocket.MessageBinary, frame(deaf.seat, counter+1, 16<<10))
		}
		if e := a.told(room.TypeError); e.Code != room.Congested || e.Seat != deaf.seat {
			t.Errorf("frames were dropped, and it was told %+v", e)
		}
		synctest.Wait()
		if queued := w.s.Status().QueuedBytes; queued > queue || queued < queue/4 {
			t.Errorf("%d bytes wait for who does not read; %d may", queued, queue)
		}
		a.signal(b.seat, 500, "sealed, and long enough")
		b.told(room.TypeSignal)

		// Words are not dropped: who lets those wait is parted with.
		for counter := range uint64(20) {
			a.signal(deaf.seat, 1000+counter, strings.Repeat("sealed and large", 1<<10))
		}
		if left := b.told(room.TypeLeft); left.Seat != deaf.seat {
			t.Errorf("seat %d left", left.Seat)
		}
	})
}

func TestAllThatWaitsIsBounded(t *testing.T) {
	const total = 512 << 10
	inWorld(t, Options{QueueBytes: 1 << 20, TotalBytes: total, Ping: time.Hour, WriteTimeout: time.Hour}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		var deaf []*member
		for i := range 10 {
			m, _ := w.enter(fmt.Sprintf("deaf%d", i))
			deaf = append(deaf, m)
			a.told(room.TypeJoined)
		}
		done := a.keepsReading()
		for counter := range uint64(10) {
			for i, m := range deaf {
				a.write(websocket.MessageBinary, frame(m.seat, counter*100+uint64(i)+1, 16<<10))
			}
		}
		synctest.Wait()
		if queued := w.s.Status().QueuedBytes; queued > total || queued < total/2 {
			t.Errorf("%d bytes wait; %d may", queued, total)
		}
		for _, m := range append(deaf, a) {
			must(t, m.conn.CloseNow())
		}
		done.Wait()
		synctest.Wait()
		if got := w.s.Status(); got != (Status{}) {
			t.Errorf("all have left, and the status is %+v", got)
		}
	})
}

// A machine that vanished leaves a connection on which nothing comes.
func TestWhoDoesNotAnswerAPingIsPartedWith(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world) {
		a, _ := w.enter("a")
		gone, _ := w.enter("gone")
		a.told(room.TypeJoined)
		start := time.Now()
		if left := a.told(room.TypeLeft); left.Seat != gone.seat {
			t.Errorf("seat %d left", left.Seat)
		}
		if took := time.Since(start); took > 50*time.Second {
			t.Errorf("that one is gone was noticed after %v", took)
		}
	})
}

func TestRatesLetASecondsWorthThroughAndThenSlowDown(t *testing.T) {
	r, now := rate{perSecond: 10}, time.Unix(1000, 0)
	for i := range 10 {
		if pause := r.take(now, 1); pause != 0 {
			t.Errorf("message %d waits %v", i, pause)
		}
	}
	if pause := r.take(now, 1); pause != 100*time.Millisecond {
		t.Errorf("the eleventh waits %v, not 100ms", pause)
	}
	if pause := r.take(now.Add(2*time.Second), 1); pause != 0 {
		t.Errorf("two seconds later one waits %v", pause)
	}
}
