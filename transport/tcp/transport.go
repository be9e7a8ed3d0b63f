package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/balsaraft/balsa/transport/internal/socket"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// Transport is one process's end. Its methods may be called from any goroutine; none
// but Close waits.
type Transport struct {
	opts     Options
	listener *net.TCPListener
	hub      *stream.Hub
	once     sync.Once // for Close
}

// Listen opens a transport at an address, host and port as in package net; with "" at
// a free port of 127.0.0.1. Close it when it is not needed any more.
//
// Errors name the address: it is in use, nothing resolves it, or it is not this
// machine's; or the options are not good.
func Listen(addr string, opts Options) (*Transport, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", addr, err)
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	// Who is accepted sends to us: that it is still there is its own end's to find out,
	// but a machine that vanished must not hold a connection for ever.
	listening := net.ListenConfig{KeepAliveConfig: socket.KeepAlive}
	listener, err := listening.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	t := &Transport{opts: opts, listener: listener.(*net.TCPListener)}
	t.hub, err = stream.New(carrier{opts}, opts.hub())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen at %s: %w", addr, err), listener.Close())
	}
	t.hub.Go(t.accept)
	return t, nil
}

func listenError(addr string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen at %s: %w; stop the process that listens there, or choose another address", addr, err)
	case errors.As(err, &dns):
		return fmt.Errorf("listen at %s: nothing resolves this address: %w", addr, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen at %s: %w; listen at an address of this machine, and advertise the other", addr, err)
	}
	return fmt.Errorf("listen at %s: %w", addr, err)
}

// Addr is the address that the transport listens at.
func (t *Transport) Addr() string { return t.listener.Addr().String() }

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

// Close ends all connections and goroutines before it returns. The listener goes
// first: others that see their connection break and try again are refused, and so know
// at once that this process is not there any more.
func (t *Transport) Close() error {
	var err error
	t.once.Do(func() { err = t.listener.Close() })
	t.hub.Close()
	return err
}
