package websocket

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
)

const secret = "a secret of the test, and random"

// introduce runs an introducer, and says where.
func introduce(t testing.TB, o introducer.Options) (url string) {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	s, err := introducer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return server.URL
}

func meet(t testing.TB, o Options) *Transport {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Room == "" {
		o.Room, o.Secret = "kitchen", []byte(secret)
	}
	transport, err := Meet(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	return transport
}

func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(t *testing.T) balsatest.Listen {
		url := introduce(t, introducer.Options{})
		return func(t *testing.T, addr string) balsatest.Transport {
			return meet(t, Options{Introducer: url, Member: strings.TrimPrefix(addr, room.Scheme)})
		}
	})
}
