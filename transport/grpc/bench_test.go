package grpc_test

import (
	"log/slog"
	"testing"

	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
)

// beside are the transports that are measured, this one and what it is compared with.
func beside(b *testing.B, bench func(b *testing.B, listen func(*testing.B) trial.Transport)) {
	b.Run("over=grpc", func(b *testing.B) {
		bench(b, func(b *testing.B) trial.Transport { return mount(b, "", grpc.Options{}) })
	})
	b.Run("over=tcp", func(b *testing.B) {
		bench(b, func(b *testing.B) trial.Transport {
			t, err := tcp.Listen("", tcp.Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { t.Close() })
			return t
		})
	})
}

// BenchmarkSend is one-way throughput.
func BenchmarkSend(b *testing.B) { beside(b, trial.BenchSend) }

// BenchmarkPingPong is the time of a message and its answer.
func BenchmarkPingPong(b *testing.B) { beside(b, trial.BenchPingPong) }
