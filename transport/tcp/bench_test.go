package tcp_test

import (
	"log/slog"
	"testing"

	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
)

func listen(b *testing.B) trial.Transport {
	transport, err := tcp.Listen("127.0.0.1:0", tcp.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { transport.Close() })
	return transport
}

// BenchmarkSend is one-way throughput.
func BenchmarkSend(b *testing.B) { trial.BenchSend(b, listen) }

// BenchmarkPingPong is the time of a message and its answer.
func BenchmarkPingPong(b *testing.B) { trial.BenchPingPong(b, listen) }
