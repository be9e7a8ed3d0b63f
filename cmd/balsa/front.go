package main

import (
	"errors"
	"log/slog"
	"net"
	nethttp "net/http"
	"sync/atomic"

	"github.com/balsaraft/balsa/kv/http"
	"github.com/balsaraft/balsa/rpc"
)

// front is the HTTP address of a member of the demo. It outlives the member, so that the
// page can start again what it has stopped: a stopped member's own handler goes on
// answering that it has stopped. Its page may ask another member: no browser lets it go to
// another address for that.
type front struct {
	addr    string
	handler atomic.Pointer[nethttp.Handler]
	others  atomic.Pointer[map[string]*front] // of all members, by their names
	server  *nethttp.Server
}

// through is the header in which a page names the member that it asks.
const through = "Balsa-Demo-Through"

// openFront serves at a listener until Close. Nothing may ask before the first show.
func openFront(l net.Listener, log *slog.Logger) *front {
	f := &front{addr: l.Addr().String()}
	f.server = http.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if h := f.asked(r).handler.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		nethttp.Error(w, "the member starts; ask again in a moment", nethttp.StatusServiceUnavailable)
	}), log)
	f.server.Protocols = rpc.Protocols()
	go func() {
		if err := f.server.Serve(l); !errors.Is(err, nethttp.ErrServerClosed) {
			log.Error("the demo's page is not served any more", "http", f.addr, "error", err)
		}
	}()
	return f
}

// asked is the front of the member that a request is for.
func (f *front) asked(r *nethttp.Request) *front {
	if others := f.others.Load(); others != nil {
		if other := (*others)[r.Header.Get(through)]; other != nil {
			return other
		}
	}
	return f
}

// show lets a member answer from now on.
func (f *front) show(h nethttp.Handler) { f.handler.Store(&h) }

// Close ends what is asked at the moment.
func (f *front) Close() error {
	_ = f.server.Close() // the listener is closed by it, and who asks is cut off
	return nil
}
