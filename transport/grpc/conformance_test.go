package grpc_test

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/rpc"
	"github.com/balsaraft/balsa/transport/grpc"
	"github.com/balsaraft/balsa/transport/internal/trial"
)

var (
	quietLogger = slog.New(slog.DiscardHandler)
	quiet       = slog.NewLogLogger(slog.DiscardHandler, 0)
)

// mounted is a transport and the server that it is mounted on.
type mounted struct {
	*grpc.Transport
	server *http.Server
}

// Close is what the end of a process does: the port goes, and what came over it.
func (m mounted) Close() error {
	m.server.Close()
	return m.Transport.Close()
}

// listener is a port of this machine, with "" one that is free.
func listener(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// mount is a transport on a server of its own.
func mount(t testing.TB, addr string, o grpc.Options) mounted {
	t.Helper()
	return mountOn(t, listener(t, cmp.Or(addr, trial.Place())), o, &http.Server{Protocols: rpc.Protocols()})
}

// mountOn is a transport on a server that speaks TLS if it is configured for it.
func mountOn(t testing.TB, l net.Listener, o grpc.Options, server *http.Server) mounted {
	t.Helper()
	if o.Addr == "" {
		o.Addr = l.Addr().String()
	}
	if o.Logger == nil {
		o.Logger = quietLogger
	}
	transport, err := grpc.New(o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(transport.Handler())
	if server.Handler == nil {
		server.Handler = mux
	}
	m := mounted{transport, server}
	t.Cleanup(func() { m.Close() })
	serve := func() { server.Serve(l) }
	if server.TLSConfig != nil {
		serve = func() { server.ServeTLS(l, "", "") }
	}
	go serve()
	return m
}

func TestConforms(t *testing.T) {
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		return func(t *testing.T, addr string) balsatest.Transport { return mount(t, addr, grpc.Options{}) }
	})
}

func TestConformsOverTLS(t *testing.T) {
	authority := certs.New(t)
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		return func(t *testing.T, addr string) balsatest.Transport {
			all := certs.Mutual(authority.Member("m1", "m2", "m3"))
			server := &http.Server{TLSConfig: all.Clone(), ErrorLog: quiet}
			return mountOn(t, listener(t, addr), grpc.Options{TLS: all}, server)
		}
	})
}
