package websocket

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/wire"
)

// What the way through the introducer costs: sealed, relayed, opened. A round trip is a
// message to another member and one back, one at a time or many; beside it what a bare
// connection on this machine takes for the same.
func BenchmarkRelay(b *testing.B) {
	for _, outstanding := range []int{1, 64} {
		for _, size := range []int{64, 16 << 10} {
			b.Run(fmt.Sprintf("size=%d/outstanding=%d", size, outstanding), func(b *testing.B) { benchmarkRelay(b, outstanding, size) })
			b.Run(fmt.Sprintf("size=%d/outstanding=%d/bare=tcp", size, outstanding), func(b *testing.B) { benchmarkBare(b, outstanding, size) })
		}
	}
}

func benchmarkRelay(b *testing.B, outstanding, size int) {
	url := introduce(b, introducer.Options{BytesPerSecond: 1 << 30})
	var ends []*Transport
	for i := range 2 {
		m := meet(b, Options{Introducer: url, Member: fmt.Sprintf("m%d", i+1)})
		m.Introduce(wire.Card{Cluster: 1, ID: wire.MemberID(i + 1), Incarnation: 1, Name: fmt.Sprint(i), Addr: m.Addr()})
		ends = append(ends, m)
	}
	up := make(chan struct{}, 2)
	back := make(chan struct{}, 2*outstanding)
	other := []wire.Peer{{ID: 2, Addr: ends[1].Addr()}, {ID: 1, Addr: ends[0].Addr()}}
	stop := make(chan struct{})
	send := func(from int) {
		ends[from].Send(other[from], &wire.Message{Kind: wire.ReadIndex, From: wire.MemberID(from + 1), To: other[from].ID, Term: 1, Data: make([]byte, size)})
	}
	for i, m := range ends {
		m.Connect(other[i : i+1])
		go func() {
			for {
				select {
				case <-m.Wake():
				case <-stop:
					return
				}
				for _, a := range m.Drain(nil) {
					switch {
					case a.Kind == wire.ArrivedUp:
						up <- struct{}{}
					case a.Kind != wire.ArrivedMessage:
					case i == 1:
						send(1)
					default:
						back <- struct{}{}
					}
				}
			}
		}()
	}
	defer close(stop)
	<-up
	<-up
	b.ResetTimer()
	sent := 0
	for ; sent < min(outstanding, b.N); sent++ {
		send(0)
	}
	for range b.N {
		<-back
		if sent < b.N {
			sent++
			send(0)
		}
	}
}

func benchmarkBare(b *testing.B, outstanding, size int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	out, in := make([]byte, size), make([]byte, size)
	b.ResetTimer()
	sent := 0
	for ; sent < min(outstanding, b.N); sent++ {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		if _, err := io.ReadFull(c, in); err != nil {
			b.Fatal(err)
		}
		if sent < b.N {
			sent++
			if _, err := c.Write(out); err != nil {
				b.Fatal(err)
			}
		}
	}
}
