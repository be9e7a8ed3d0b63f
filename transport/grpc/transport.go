package grpc

import (
	"fmt"
	"net/http"

	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

const (
	service = "/balsa.members.v1.Members/"
	method  = service + "Connect"
)

// Transport is one process's end. Its methods may be called from any goroutine; none
// but Close waits.
type Transport struct {
	opts Options
	hub  *stream.Hub
}

// New makes a transport. Nobody reaches it before a server has its Handler. Close it when
// it is not needed any more.
//
// Errors say which of the options is not good.
func New(opts Options) (*Transport, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("members over gRPC: %w", err)
	}
	t := &Transport{opts: opts}
	if t.hub, err = stream.New(carrier{opts}, opts.hub()); err != nil {
		return nil, fmt.Errorf("members over gRPC: %w", err)
	}
	return t, nil
}

// Handler is what to mount on the server at Options.Addr: the path under which it
// answers, and the handler.
func (t *Transport) Handler() (path string, handler http.Handler) {
	return t.opts.Prefix + service, http.HandlerFunc(t.serve)
}

// Addr is Options.Addr.
func (t *Transport) Addr() string { return t.opts.Addr }

// Wake is readable when Drain has something that OnMessage's function was not told.
func (t *Transport) Wake() <-chan struct{} { return t.hub.Wake() }

// OnMessage says what to call each time when a message has come, in the goroutine that has
// read it. The function may use the transport, though not close it.
func (t *Transport) OnMessage(f func()) { t.hub.OnMessage(f) }

// Drain appends what has arrived, in order for each connection.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival { return t.hub.Drain(into) }

// Introduce says who this process is. Before it nobody is dialled, and nobody who
// dials gets an answer. Once the cluster becomes known, links that were refused for
// want of it try again at once.
func (t *Transport) Introduce(card wire.Card) { t.hub.Introduce(card) }

// Connect says which members to hold connections to; others are let go.
func (t *Transport) Connect(peers []wire.Peer) { t.hub.Connect(peers) }

// Send queues a message for a member, or with no ID for whoever is at the address. It
// is dropped if the queue is full, or if nobody can be reached there now. To a member
// that Connect did not name it goes over a connection that is made for it and kept
// while there is more.
func (t *Transport) Send(to wire.Peer, m *wire.Message) { t.hub.Send(to, m) }

// Traffic is what went to each member and came from it since Connect named it.
func (t *Transport) Traffic() []wire.Traffic { return t.hub.Traffic() }

// Close ends all connections before it returns, and with them the requests that the
// server has for the handler. From then on the handler says that the member is gone.
func (t *Transport) Close() error {
	t.hub.Close()
	return nil
}
