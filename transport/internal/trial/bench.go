package trial

import (
	"fmt"
	"testing"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// connected is members 1 and 2, connected both ways.
func connected(b *testing.B, listen func(*testing.B) Transport) (one, two Transport) {
	b.Helper()
	one, two = As(listen(b), 1), As(listen(b), 2)
	one.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
	two.Connect([]wire.Peer{{ID: 1, Addr: one.Addr()}})
	for _, at := range []Transport{one, two} {
		Await(b, at, "the connection", Of(wire.ArrivedUp))
	}
	for _, at := range []Transport{one, two} {
		at.Drain(nil)
	}
	return one, two
}

// appendOf is a message with an entry of a size, or with none.
func appendOf(from, to wire.MemberID, size int) *wire.Message {
	m := &wire.Message{Kind: wire.Append, From: from, To: to, Term: 1}
	if size > 0 {
		body := wire.AppendEntry(wire.NewBody(size), wire.KindCommand, make([]byte, size))
		m.Batches = []wire.Batch{wire.NewBatch(wire.Pos{Term: 1, Index: 1}, 0, 1, body)}
	}
	return m
}

// messages counts what is not news of a connection.
func messages(all []wire.Arrival) (n int) {
	for _, a := range all {
		if a.Kind == wire.ArrivedMessage {
			n++
		}
	}
	return n
}

// BenchSend is one-way throughput, with a window so that nothing is dropped: a queue
// counts a burst until the last of it is written, so twice the window must fit.
func BenchSend(b *testing.B, listen func(*testing.B) Transport) {
	for _, size := range []int{0, 256, 4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			one, two := connected(b, listen)
			m, to := appendOf(1, 2, size), wire.Peer{ID: 2, Addr: two.Addr()}
			window := max(1, min(1024, (8<<20)/(size+1)))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var into []wire.Arrival
			sent, got := 0, 0
			b.ResetTimer()
			for got < b.N {
				for ; sent < b.N && sent-got < window; sent++ {
					one.Send(to, m)
				}
				select {
				case <-two.Wake():
				case <-time.After(Eventually):
					b.Fatalf("of %d messages that were sent %d arrived", sent, got)
				}
				into = two.Drain(into[:0])
				got += messages(into)
			}
		})
	}
}

// BenchPingPong is the time of a message and its answer, from Send to Drain and back.
func BenchPingPong(b *testing.B, listen func(*testing.B) Transport) {
	for _, size := range []int{0, 256, 4 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			one, two := connected(b, listen)
			ping, pong := appendOf(1, 2, size), appendOf(2, 1, 0)
			toOne, toTwo := wire.Peer{ID: 1, Addr: one.Addr()}, wire.Peer{ID: 2, Addr: two.Addr()}
			done := make(chan struct{})
			defer close(done)
			go func() {
				var into []wire.Arrival
				for {
					select {
					case <-done:
						return
					case <-two.Wake():
					}
					into = two.Drain(into[:0])
					for range messages(into) {
						two.Send(toOne, pong)
					}
				}
			}()
			b.ReportAllocs()
			var into []wire.Arrival
			for b.Loop() {
				one.Send(toTwo, ping)
				for into = into[:0]; messages(into) == 0; into = one.Drain(into) {
					<-one.Wake()
				}
			}
		})
	}
}
