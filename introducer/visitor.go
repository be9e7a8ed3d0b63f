package introducer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

// visitor is a member's connection. The goroutine of the HTTP request reads, another
// one writes, a third asks whether anyone is still there; all end with stay.
type visitor struct {
	s      *Service
	conn   *websocket.Conn
	local  bool // it lives in this process
	out    *outbox
	keeper keeper
	memory bytes.Buffer // of the message that is read
	hello  room.Said
	seat   room.Seat

	congested time.Time // when that was told last
}

// congestedEvery is how often at most a member is told that frames were dropped.
const congestedEvery = 100 * time.Millisecond

func newVisitor(s *Service, conn *websocket.Conn, local bool) *visitor {
	if local {
		return &visitor{
			s: s, conn: conn, local: true, out: newOutbox(localQueue, &budget{limit: localQueue}),
			keeper: newKeeper(math.MaxInt, math.MaxInt),
		}
	}
	return &visitor{
		s: s, conn: conn, out: newOutbox(s.opts.QueueBytes, &s.budget),
		keeper: newKeeper(s.opts.MessagesPerSecond, s.opts.BytesPerSecond),
	}
}

func (v *visitor) peer() room.Peer {
	return room.Peer{Seat: v.seat, Member: v.hello.Member, Nonce: v.hello.Nonce}
}

// stay is the connection's life. It returns why it ended.
func (v *visitor) stay(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { v.part(room.Fail(room.GoingAway, "the introducer ends")) })()
	written := make(chan struct{})
	go func() {
		defer close(written)
		v.write()
	}()
	err := v.visit(ctx)
	var final *room.Error
	if !errors.As(err, &final) {
		final = room.Fail(room.GoingAway, "the connection ended")
	}
	v.out.finish(final)
	<-written
	v.out.drop(final)
	return err
}

// visit reads until the connection ends, or the member has to go.
func (v *visitor) visit(ctx context.Context) error {
	if err := v.greet(); err != nil {
		return err
	}
	defer v.s.rooms.leave(v)
	defer v.askWhetherThere(ctx)()
	for {
		if err := v.listen(ctx); err != nil {
			return err
		}
	}
}

// greet reads the hello and lets the member in.
func (v *visitor) greet() error {
	if v.conn.Subprotocol() != room.Subprotocol {
		return room.Fail(room.BadMessage, "a member asks for the WebSocket subprotocol %s", room.Subprotocol)
	}
	// Who is parted with is told why, and then the connection is closed: so reading has
	// no context, which would close it without a word.
	patience := time.AfterFunc(v.s.opts.HelloTimeout, func() {
		v.part(room.Fail(room.BadMessage, "no hello came within %v", v.s.opts.HelloTimeout))
	})
	m, err := v.read()
	patience.Stop()
	if err != nil {
		return err
	}
	if !m.text {
		return room.Fail(room.BadMessage, "a frame came before the hello")
	}
	if v.hello, err = room.DecodeSaid(m.bytes); err != nil {
		return room.Fail(room.BadMessage, "%v", err)
	}
	if v.hello.Type != room.TypeHello {
		return room.Fail(room.BadMessage, "a %s came before the hello", v.hello.Type)
	}
	if err := v.mayBe(v.hello); err != nil {
		return err
	}
	tokens := v.s.tokens
	if v.local {
		tokens = nil
	}
	used, err := tokens.check(v.hello, time.Now())
	if err != nil {
		return err
	}
	if err := v.s.rooms.enter(v, func(peers []room.Peer) room.Told { return v.s.welcome(v, peers) }); err != nil {
		tokens.giveBack(used)
		return err
	}
	return nil
}

// mayBe says why a visitor may not be who its hello says.
func (v *visitor) mayBe(hello room.Said) error {
	switch only := v.s.opts.Room; {
	case only != "" && hello.Room != only:
		return room.Fail(room.WrongRoom, "this is the door to another room: its name or its secret differ from those that are asked for here")
	case !v.local && room.IsServer(hello.Member):
		return room.Fail(room.BadMessage, "a name such as %s is a server's, which comes in by no WebSocket", clip(hello.Member))
	}
	return nil
}

// read reads one message into memory that the next one reuses.
func (v *visitor) read() (parcel, error) {
	kind, r, err := v.conn.Reader(context.Background())
	if err != nil {
		return parcel{}, err
	}
	v.memory.Reset()
	_, err = v.memory.ReadFrom(r)
	if errors.Is(err, websocket.ErrMessageTooBig) {
		return parcel{}, room.Fail(room.TooLarge, "a message is larger than %d bytes", room.MaxText)
	}
	return parcel{text: kind == websocket.MessageText, bytes: v.memory.Bytes()}, err
}

// listen reads one message and does what it says. Reading waits where the member is too
// fast.
func (v *visitor) listen(ctx context.Context) error {
	m, err := v.read()
	if err != nil {
		return err
	}
	pause, tooFast := v.keeper.count(time.Now(), m.text, len(m.bytes))
	if tooFast {
		return room.Fail(room.TooFast, "more than %d messages a second came for %v", v.s.opts.MessagesPerSecond, tooLong)
	}
	if err := wait(ctx, pause); err != nil {
		return err
	}
	if m.text {
		return v.hear(m.bytes)
	}
	return v.relay(m.bytes)
}

func wait(ctx context.Context, pause time.Duration) error {
	if pause == 0 {
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hear does what a text message says.
func (v *visitor) hear(b []byte) error {
	m, err := room.DecodeSaid(b)
	if err != nil {
		return room.Fail(room.BadMessage, "%v", err)
	}
	switch m.Type {
	case room.TypePing:
		v.tell(room.Told{Type: room.TypePong})
	case room.TypeSignal:
		to := v.s.rooms.at(v, m.To)
		if to == nil {
			v.missed(m.To)
			return nil
		}
		to.tell(room.Told{Type: room.TypeSignal, From: v.seat, Counter: m.Counter, Sealed: m.Sealed})
	default:
		return room.Fail(room.BadMessage, "a second %s", m.Type)
	}
	return nil
}

// relay passes a frame on, or drops it and says so.
func (v *visitor) relay(b []byte) error {
	if len(b) > room.MaxRelay {
		return room.Fail(room.TooLarge, "a frame of %d bytes; %d are allowed", len(b), room.MaxRelay)
	}
	seat, _, _, err := room.CutRelay(b)
	if err != nil {
		return room.Fail(room.BadMessage, "%v", err)
	}
	to := v.s.rooms.at(v, seat)
	if to == nil {
		v.missed(seat)
		return nil
	}
	b = bytes.Clone(b)
	room.PutRelaySeat(b, v.seat)
	if !to.out.put(parcel{bytes: b}, to.out.limit/2) && time.Since(v.congested) > congestedEvery {
		v.congested = time.Now()
		v.tell(room.Told{Type: room.TypeError, Code: room.Congested, Seat: seat, Message: "a frame was dropped: the other side does not read fast enough"})
	}
	return nil
}

func (v *visitor) missed(seat room.Seat) {
	v.tell(room.Told{Type: room.TypeError, Code: room.NoSuchSeat, Seat: seat, Message: "nobody sits there any more"})
}

// tell puts a message into the outbox. Half of it is kept free of relayed frames; a
// member that lets even that run full is parted with, because it would miss who comes and goes.
func (v *visitor) tell(m room.Told) {
	b, err := json.Marshal(m)
	if err != nil {
		panic("introducer: encode a message: " + err.Error())
	}
	if !v.out.put(parcel{text: true, bytes: b}, 0) {
		v.part(room.Fail(room.TooSlow, "what was sent was not read: %d bytes wait", v.out.limit))
	}
}

// part says an error last, and then ends the connection. It does not wait.
func (v *visitor) part(why *room.Error) { v.out.finish(why) }

// write sends what is in the outbox until the end, and closes the connection.
func (v *visitor) write() {
	var batch []parcel
	for {
		<-v.out.ready
		var end *room.Error
		batch, end = v.out.take(batch)
		for _, p := range batch {
			if v.send(p) != nil {
				v.conn.CloseNow()
				v.out.drop(room.Fail(room.TooSlow, "the connection broke"))
				return
			}
			v.out.written(p)
		}
		if end != nil {
			v.farewell(end)
			return
		}
	}
}

func (v *visitor) send(p parcel) error {
	kind := websocket.MessageBinary
	if p.text {
		kind = websocket.MessageText
	}
	ctx, cancel := context.WithTimeout(context.Background(), v.s.opts.WriteTimeout)
	defer cancel()
	return v.conn.Write(ctx, kind, p.bytes)
}

// farewell says why, closes the connection, and so ends the reader.
func (v *visitor) farewell(why *room.Error) {
	b, err := json.Marshal(room.Told{Type: room.TypeError, Code: why.Code, Message: why.Message, Seat: why.Seat})
	if err == nil {
		err = v.send(parcel{text: true, bytes: b})
	}
	if err != nil {
		v.conn.CloseNow()
		return
	}
	_ = v.conn.Close(websocket.StatusCode(why.Code.CloseCode()), string(why.Code))
}

// askWhetherThere pings until the function that it returns is called, and parts with a
// member that does not answer.
func (v *visitor) askWhetherThere(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wait(ctx, v.s.opts.Ping) == nil {
			asked, end := context.WithTimeout(ctx, v.s.opts.Ping)
			err := v.conn.Ping(asked)
			end()
			if err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				v.conn.CloseNow()
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}
