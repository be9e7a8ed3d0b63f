package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/mux"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

const (
	// AnyMember is the address of somebody who belongs to the room's cluster, whoever is there
	// when it is dialled.
	AnyMember = room.Scheme
	// AnyServer is the address of whichever of Options.Servers can be reached: what
	// balsa.Config.Join lists for a member that has never met them.
	AnyServer = room.Scheme
)

// ErrGone says that a member was seen to leave.
var ErrGone = errors.New("it has left the room")

// Transport is one member's end. Its methods may be called from any goroutine; none but
// Others and Close waits.
type Transport struct {
	hub    *stream.Hub
	roster *roster
	seats  *seats
	stay   func(*seat)                // keeps a seat until Close
	doors  atomic.Pointer[room.Doors] // nil before Announce
}

// Meet goes into a room, and stays until Close: an introducer that cannot be reached is
// tried again and again. An error says which option is not good.
func Meet(opts Options) (*Transport, error) {
	p, err := opts.prepare()
	if err != nil {
		return nil, fmt.Errorf("meet in a room: %w", err)
	}
	t := &Transport{seats: newSeats(p)}
	if t.hub, err = stream.New(carrier{t.seats}, p.hub()); err != nil {
		return nil, fmt.Errorf("meet in a room: %w", err)
	}
	t.roster = newRoster(t.hub, t.seats)
	ctx, cancel := context.WithCancel(context.Background())
	t.hub.Go(func() { <-t.hub.Done(); cancel() })
	if d := p.Direct; d != nil {
		d.Start(p.Member, t.acceptDirect, t.connected)
		t.hub.Go(func() { <-t.hub.Done(); d.Close() })
	}
	t.stay = func(s *seat) {
		ctx, leave := context.WithCancel(ctx)
		t.seats.kept(s, leave)
		t.hub.Go(func() { s.keep(ctx, tenant{t.hub, t}) })
	}
	for _, s := range t.seats.list() {
		t.stay(s)
	}
	return t, nil
}

// Addr is where the others in the room find this member: "room:" and its name.
func (t *Transport) Addr() string { return room.Scheme + t.seats.opts.Member }

// Wake is readable when Drain has something.
func (t *Transport) Wake() <-chan struct{} { return t.hub.Wake() }

// Drain appends what has arrived, in order for each connection.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival { return t.hub.Drain(into) }

// Introduce says who this process is. Before it nobody is dialled, and nobody who
// dials gets an answer.
func (t *Transport) Introduce(card wire.Card) { t.hub.Introduce(card) }

// Traffic is what went to each member and came from it since Connect named it.
func (t *Transport) Traffic() []wire.Traffic { return t.hub.Traffic() }

// Connect says which members to hold connections to; others are let go. One that was
// never seen here is not dialled before it comes. Who has others, or is told that it has
// none, belongs to a cluster, and says so in the room.
func (t *Transport) Connect(peers []wire.Peer) { t.roster.connect(peers) }

// Send queues a message for a member, or with no ID for whoever is at the address. It
// is dropped if the queue is full, or if nobody can be reached there now.
func (t *Transport) Send(to wire.Peer, m *wire.Message) { t.hub.Send(to, m) }

// Others waits until it is known what a member without a cluster does in its room, and
// lists the addresses of those whom it joins: members of the room's cluster, and AnyMember,
// as they may leave before they have answered. If it lists nobody, this member founds the
// cluster, and is the only one who does: of several who come into an empty room it is the
// first. Whoever comes to an introducer that has just started waits for up to room.Settling,
// since those who belong may be on their way back. The error is that of ctx, with why this
// member is in no room.
func (t *Transport) Others(ctx context.Context) (addrs []string, err error) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		switch join, found := t.seats.seek(); {
		case found:
			return nil, nil
		case len(join) > 0:
			return append(join, AnyMember), nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), t.Err())
		}
	}
}

// lookEvery is how often somebody who waits to be in a room looks.
const lookEvery = 10 * time.Millisecond

// Err is why this member is in no room at the moment, and nil while it is in one; with
// Options.Servers, why none of them can be reached. With room.Displaced it stays out:
// another process goes by its name.
func (t *Transport) Err() error { return t.seats.whyOut() }

// Close leaves the room, and ends all goroutines before it returns.
func (t *Transport) Close() error {
	t.hub.Close()
	return nil
}

// carrier is what a room adds to a stream.Hub.
type carrier struct{ seats *seats }

var (
	errNotRoom = errors.New("the address is of no member of a room: theirs start with room")
	errNoSeat  = errors.New("this member is in no room at the moment")
	errAbsent  = errors.New("it is not in the room")
	errNotYet  = errors.New("a direct connection to it may still come about")
)

// Dial opens a stream to a member of the room.
func (c carrier) Dial(_ context.Context, addr string) (stream.Conn, error) {
	if !strings.HasPrefix(addr, room.Scheme) && !c.seats.atServers() {
		return nil, fmt.Errorf("%s: %w", addr, errNotRoom)
	}
	if addr == AnyMember && !c.seats.atServers() {
		if addr = c.seats.another(); addr == "" {
			return nil, errAbsent
		}
	}
	opts := c.seats.opts
	if opts.Direct != nil {
		if name := room.MemberAt(addr); name != "" {
			s, err := opts.Direct.Dial(name)
			switch {
			case err == nil:
				return newConn(&timed{ReadWriteCloser: s}, name, opts.Vet), nil
			case errors.Is(err, ErrGone):
				return nil, err
			}
		}
	}
	p, err := c.seats.find(addr)
	if err != nil {
		return nil, err
	}
	if !p.mayRelay() {
		return nil, errNotYet
	}
	s, err := p.mux.Open()
	if err != nil {
		return nil, err
	}
	return newConn(s, p.Member, opts.Vet), nil
}

// Left says whether a member was seen to leave: in a room people come and go.
func (carrier) Left(err error) bool { return errors.Is(err, ErrGone) }

// Gone says whether a member was seen to leave. Who is merely not there yet may have
// lost the introducer for a moment, as all do when it starts again.
func (carrier) Gone(err error) bool { return errors.Is(err, ErrGone) }

func (carrier) BrokeOff(err error) bool {
	return errors.Is(err, mux.ErrReset) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ErrGone) || errors.Is(err, errNoSeat)
}

func (carrier) Explain(err error) error { return err }
