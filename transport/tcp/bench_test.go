package tcp_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// benchPair is members 1 and 2, connected both ways.
func benchPair(b *testing.B) (one, two *tcp.Transport) {
	b.Helper()
	for i, at := range []**tcp.Transport{&one, &two} {
		transport, err := tcp.Listen("127.0.0.1:0", tcp.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { transport.Close() })
		c := card(wire.MemberID(i + 1))
		c.Addr = transport.Addr()
		transport.Introduce(c)
		*at = transport
	}
	one.Connect([]wire.Peer{{ID: 2, Addr: two.Addr()}})
	two.Connect([]wire.Peer{{ID: 1, Addr: one.Addr()}})
	for _, at := range []*tcp.Transport{one, two} {
		for len(at.Drain(nil)) == 0 {
			<-at.Wake()
		}
	}
	return one, two
}

func appendOf(from, to wire.MemberID, size int) *wire.Message {
	m := &wire.Message{Kind: wire.Append, From: from, To: to, Term: 1}
	if size > 0 {
		body := wire.AppendEntry(wire.NewBody(size), wire.KindCommand, make([]byte, size))
		m.Batches = []wire.Batch{wire.NewBatch(wire.Pos{Term: 1, Index: 1}, 0, 1, body)}
	}
	return m
}

// BenchmarkSend is one-way throughput, with a window so that nothing is dropped: one
// that was sent is drained at the other end.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{0, 256, 4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			one, two := benchPair(b)
			m, to := appendOf(1, 2, size), wire.Peer{ID: 2, Addr: two.Addr()}
			window := max(1, min(1024, (16<<20)/(size+1)))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			var into []wire.Arrival
			sent, got := 0, 0
			b.ResetTimer()
			for got < b.N {
				for sent < b.N && sent-got < window {
					one.Send(to, m)
					sent++
				}
				<-two.Wake()
				into = two.Drain(into[:0])
				got += len(into)
			}
		})
	}
}

// BenchmarkPingPong is the time of a message and its answer, from Send to Drain and
// back.
func BenchmarkPingPong(b *testing.B) {
	for _, size := range []int{0, 256, 4 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			one, two := benchPair(b)
			ping, pong := appendOf(1, 2, size), appendOf(2, 1, 0)
			toOne, toTwo := wire.Peer{ID: 1, Addr: one.Addr()}, wire.Peer{ID: 2, Addr: two.Addr()}
			done := make(chan struct{})
			go func() {
				var into []wire.Arrival
				for {
					select {
					case <-two.Wake():
					case <-done:
						return
					}
					into = two.Drain(into[:0])
					for range into {
						two.Send(toOne, pong)
					}
				}
			}()
			defer close(done)
			b.ReportAllocs()
			var into []wire.Arrival
			for b.Loop() {
				one.Send(toTwo, ping)
				for into = into[:0]; len(into) == 0; into = one.Drain(into) {
					<-one.Wake()
				}
			}
		})
	}
}
