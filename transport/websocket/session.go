package websocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/transport/internal/stream"
)

// owner is what a session needs of a stream.Hub: it takes streams, and is told who has
// come, and what is odd. Beyond that it knows where servers let members in, and learns it.
type owner interface {
	Go(func()) bool
	Serve(stream.Accepted)
	Here(member string)
	Doors() room.Doors
	Learn(room.Doors)
	Complain(level slog.Level, trouble, what string, args ...any)
}

// session is one connection to the introducer. One goroutine reads, one writes.
type session struct {
	opts    prepared
	owner   owner
	conn    *websocket.Conn
	own     room.End
	welcome room.Told
	out     *outbox
	memory  bytes.Buffer // of the message that is read
	counter room.Counter // of all that is sealed here; the writer's

	welcomed time.Time

	mu      sync.Mutex
	seats   map[room.Seat]*peer
	byName  map[string]*peer
	gone    map[string]bool // who was seen to leave
	belongs bool            // this member is one of the cluster's
}

const (
	// dialTimeout bounds connecting until the welcome, writeTimeout how long the
	// introducer may take nothing.
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	// maxMessage bounds what an introducer may say at once, maxPeers whom it may name.
	maxMessage = 1 << 20
	maxPeers   = 1024
)

// errNonsense is about an introducer that does not keep to the protocol.
var errNonsense = errors.New("the introducer speaks nonsense")

func newSession(opts prepared, o owner, belongs bool) *session {
	return &session{
		opts: opts, owner: o, own: room.End{Member: opts.Member, Nonce: freshNonce()}, out: newOutbox(),
		seats: map[room.Seat]*peer{}, byName: map[string]*peer{}, gone: map[string]bool{}, belongs: belongs,
	}
}

// dial connects, says hello and hears the welcome.
func (v *session) dial(ctx context.Context, url, token string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, url, dialOptions(v.opts.HTTP))
	if err != nil {
		return refused(answer, err)
	}
	conn.SetReadLimit(maxMessage)
	v.conn = conn
	if err := v.greet(ctx, token); err != nil {
		conn.CloseNow()
		return err
	}
	return nil
}

// refused is why there is no WebSocket, in the introducer's own words if it has any.
func refused(answer *http.Response, err error) error {
	if answer == nil || answer.Body == nil {
		return err
	}
	var said struct{ Code, Message string }
	b, bad := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if bad != nil || json.Unmarshal(b, &said) != nil || said.Code == "" {
		return fmt.Errorf("%w; is an introducer there?", err)
	}
	return &room.Error{Code: room.Code(said.Code), Message: said.Message}
}

func (v *session) greet(ctx context.Context, token string) error {
	hello, err := json.Marshal(room.Said{
		Type: room.TypeHello, Protocol: room.Protocol, Room: v.opts.keys.ID(), Member: v.own.Member, Nonce: v.own.Nonce[:], Token: token,
	})
	if err != nil {
		return err
	}
	if err := v.conn.Write(ctx, websocket.MessageText, hello); err != nil {
		return err
	}
	told, _, err := v.read(ctx)
	switch {
	case err != nil:
		return err
	case told.Type == room.TypeError:
		return &room.Error{Code: told.Code, Message: told.Message}
	case told.Type != room.TypeWelcome:
		return fmt.Errorf("%w: %q instead of a welcome", errNonsense, told.Type)
	case told.Limits.Relay < room.MaxRelay:
		return fmt.Errorf("%w: it relays no more than %d bytes at once", errNonsense, told.Limits.Relay)
	}
	v.welcome, v.welcomed = told, time.Now()
	for _, p := range told.Peers {
		if err := v.joined(p); err != nil {
			return err
		}
	}
	return nil
}

// read reads one message: what the introducer tells, or a relayed frame, in memory that
// the next one reuses.
func (v *session) read(ctx context.Context) (room.Told, []byte, error) {
	kind, r, err := v.conn.Reader(ctx)
	if err == nil {
		v.memory.Reset()
		_, err = v.memory.ReadFrom(r)
	}
	b := v.memory.Bytes()
	if err != nil {
		if code := room.CodeOf(int(websocket.CloseStatus(err))); code != "" {
			return room.Told{}, nil, &room.Error{Code: code, Message: "the introducer closed the connection"}
		}
		return room.Told{}, nil, err
	}
	if kind == websocket.MessageBinary {
		return room.Told{}, b, nil
	}
	told, err := room.DecodeTold(b)
	if err != nil {
		return told, nil, fmt.Errorf("%w: %w", errNonsense, err)
	}
	return told, nil, nil
}

// run lives until the connection ends, and says why.
func (v *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	others.Go(func() { cancel(v.write(ctx)) })
	others.Go(func() { cancel(v.ping(ctx)) })
	err := v.listen(ctx)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	cancel(err)
	v.conn.Close(websocket.StatusNormalClosure, "")
	close(v.out.dead)
	others.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.seats {
		p.mux.Close(fmt.Errorf("%w: %w", errNoSeat, errCut))
	}
	return err
}

// listen reads until the connection ends, or the introducer says that it will.
func (v *session) listen(ctx context.Context) error {
	for {
		told, frame, err := v.read(ctx)
		if err == nil && frame != nil {
			v.relayed(frame)
			continue
		}
		if err == nil {
			err = v.hear(told)
		}
		if err != nil {
			return err
		}
	}
}

// hear does what the introducer tells.
func (v *session) hear(told room.Told) error {
	switch told.Type {
	case room.TypeJoined:
		return v.joined(*told.Peer)
	case room.TypeLeft:
		v.wentAway(told.Seat)
	case room.TypeSignal:
		v.signalled(told)
	case room.TypeError:
		return v.failed(told)
	case room.TypeWelcome:
		return fmt.Errorf("%w: a second welcome", errNonsense)
	}
	return nil
}

// failed is about an error: it ends the session, or is about one peer.
func (v *session) failed(told room.Told) error {
	if told.Code.CloseCode() != 0 || told.Seat == 0 {
		return &room.Error{Code: told.Code, Message: told.Message}
	}
	if p := v.at(told.Seat); p != nil && told.Code == room.Congested {
		p.mux.Reset("the introducer dropped a frame, because " + p.Member + " does not read fast enough")
	}
	return nil
}

// signalled opens what a peer is said to have sealed for this member.
func (v *session) signalled(told room.Told) {
	p := v.at(told.From)
	if p == nil {
		return
	}
	plain, err := p.box.Open(nil, room.Signal, told.Counter, told.Sealed)
	if err != nil {
		v.dubious(p, err)
		return
	}
	w, err := room.DecodeWord(plain)
	if err != nil {
		return // another version's, or a description that names another certificate
	}
	switch w.Kind {
	case room.SignalDoors:
		if room.IsServer(p.Member) {
			v.owner.Learn(w.Doors)
		}
		return
	case room.SignalHello:
		p.proven = true
		if !w.Direct {
			p.relayFrom.Store(0) // it can do nothing else
		}
		v.stands(p, w.Seeking)
	case room.SignalStanding:
		v.stands(p, w.Seeking)
	}
	if d := v.opts.Direct; d != nil {
		d.Hear(p.Member, w)
	}
}

// relayed opens a frame, and gives it to its stream.
func (v *session) relayed(b []byte) {
	seat, counter, sealed, err := room.CutRelay(b)
	if err != nil {
		return
	}
	p := v.at(seat)
	if p == nil {
		return
	}
	plain, err := p.box.Open(make([]byte, 0, len(sealed)), room.Relay, counter, sealed) // its stream keeps it
	if err != nil {
		v.dubious(p, err)
		return
	}
	p.mux.Receive(plain)
}

// dubious is about something that does not open. It changes nothing.
func (v *session) dubious(p *peer, err error) {
	v.owner.Complain(slog.LevelWarn, "seal "+p.Member, "dropped something, because it was not sealed by who is said to have: the introducer is broken or lies, or somebody has another secret",
		"peer", p.Member, "known", p.proven, "error", err)
}

// write seals and sends what waits, until ctx ends or that fails.
func (v *session) write(ctx context.Context) error {
	var batch []parcel
	var b []byte
	for {
		select {
		case <-v.out.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
		batch = v.out.take(batch)
		for _, p := range batch {
			kind, message, err := v.seal(b[:0], p)
			if err != nil {
				return err
			}
			b = message
			if err := v.send(ctx, kind, message); err != nil {
				return err
			}
			v.out.sent(p)
		}
	}
}

// seal turns a parcel into a message.
func (v *session) seal(b []byte, p parcel) (websocket.MessageType, []byte, error) {
	if p.purpose == room.Signal {
		counter, sealed := p.to.box.Seal(nil, room.Signal, p.bytes)
		message, err := json.Marshal(room.Said{Type: room.TypeSignal, To: p.to.Seat, Counter: counter, Sealed: sealed})
		return websocket.MessageText, message, err
	}
	head := room.AppendRelayHeader(b, p.to.Seat, 0)
	counter, message := p.to.box.Seal(head, room.Relay, p.bytes)
	room.PutRelayCounter(message, counter)
	return websocket.MessageBinary, message, nil
}

func (v *session) send(ctx context.Context, kind websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, errCut)
	defer cancel()
	return v.conn.Write(ctx, kind, b)
}

// ping finds out when the introducer is not there any more.
func (v *session) ping(ctx context.Context) error {
	for {
		timer := time.NewTimer(v.opts.Ping)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		asked, cancel := context.WithTimeout(ctx, v.opts.Ping)
		err := v.conn.Ping(asked)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("the introducer does not answer: %w", err)
		}
	}
}
