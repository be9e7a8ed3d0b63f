package tcp_test

import (
	"cmp"
	"log/slog"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
)

func open(t *testing.T, addr string, o tcp.Options) *tcp.Transport {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	transport, err := tcp.Listen(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	return transport
}

func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		return func(t *testing.T, addr string) balsatest.Transport {
			return open(t, cmp.Or(addr, trial.Place()), tcp.Options{})
		}
	})
}
