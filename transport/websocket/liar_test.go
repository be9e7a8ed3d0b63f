package websocket

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/wire"
)

// liar is an introducer that does what it likes with what it is given.
type liar struct {
	lie func(l *liar, f told) // beside or instead of passing it on

	lying sync.Mutex // one lie at a time
	n     int        // counts what a lie wants counted

	mu    sync.Mutex
	last  room.Seat
	seats map[room.Seat]guestOfLiar
	kept  []told // all that it ever saw
}

type guestOfLiar struct {
	conn  *websocket.Conn
	hello room.Said
}

// told is something sealed that went through the liar's hands.
type told struct {
	from, to room.Seat
	counter  uint64
	sealed   []byte
	signal   bool
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{room.Subprotocol}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	_, b, err := conn.Read(r.Context())
	if err != nil {
		return
	}
	hello, err := room.DecodeSaid(b)
	if err != nil {
		return
	}
	seat := l.enter(conn, hello)
	defer l.leave(seat)
	for {
		kind, b, err := conn.Read(context.Background())
		if err != nil {
			return
		}
		f := told{from: seat}
		if kind == websocket.MessageBinary {
			if f.to, f.counter, f.sealed, err = room.CutRelay(b); err != nil {
				return
			}
		} else {
			said, err := room.DecodeSaid(b)
			if err != nil {
				return
			}
			f.to, f.counter, f.sealed, f.signal = said.To, said.Counter, said.Sealed, true
		}
		l.mu.Lock()
		l.kept = append(l.kept, f)
		l.mu.Unlock()
		l.lie(l, f)
	}
}

func (l *liar) enter(conn *websocket.Conn, hello room.Said) room.Seat {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	welcome := room.Told{Type: room.TypeWelcome, Seat: l.last, Limits: &room.Limits{Relay: room.MaxRelay}}
	for seat, g := range l.seats {
		welcome.Peers = append(welcome.Peers, room.Peer{Seat: seat, Member: g.hello.Member, Nonce: g.hello.Nonce})
		say(g.conn, room.Told{Type: room.TypeJoined, Peer: &room.Peer{Seat: l.last, Member: hello.Member, Nonce: hello.Nonce}})
	}
	say(conn, welcome)
	l.seats[l.last] = guestOfLiar{conn, hello}
	return l.last
}

func (l *liar) leave(seat room.Seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.seats, seat)
	for _, g := range l.seats {
		say(g.conn, room.Told{Type: room.TypeLeft, Seat: seat})
	}
}

func say(conn *websocket.Conn, m room.Told) {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	_ = conn.Write(context.Background(), websocket.MessageText, b)
}

// give passes something on, to whom and as whose the liar likes.
func (l *liar) give(f told, to, from room.Seat) {
	l.mu.Lock()
	g, ok := l.seats[to]
	l.mu.Unlock()
	if !ok {
		return
	}
	if f.signal {
		say(g.conn, room.Told{Type: room.TypeSignal, From: from, Counter: f.counter, Sealed: f.sealed})
		return
	}
	_ = g.conn.Write(context.Background(), websocket.MessageBinary, append(room.AppendRelayHeader(nil, from, f.counter), f.sealed...))
}

func (l *liar) honest(f told) { l.give(f, f.to, f.from) }

// others are all seats but these.
func (l *liar) others(than ...room.Seat) (all []room.Seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seat := range l.seats {
		if !slices.Contains(than, seat) {
			all = append(all, seat)
		}
	}
	return all
}

// past is something that it saw long ago.
func (l *liar) past(n int) told {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept[(n*n*7919)%len(l.kept)]
}

// An introducer that lies in each way it can: nobody takes anything for another's, for
// new, or for whole that is not, and what is honest beside it goes on.
func TestALyingIntroducerIsNotBelieved(t *testing.T) {
	stranger, err := room.Derive("kitchen", []byte("another secret, as good as the first"))
	if err != nil {
		t.Fatal(err)
	}
	for what, lie := range map[string]func(l *liar, f told){
		"says it twice": func(l *liar, f told) { l.honest(f); l.honest(f) },
		"says what was said long ago": func(l *liar, f told) {
			l.honest(f)
			l.n++
			l.honest(l.past(l.n))
		},
		"gives it back to who said it": func(l *liar, f told) { l.honest(f); l.give(f, f.from, f.to) },
		"says that another said it": func(l *liar, f told) {
			for _, other := range l.others(f.from, f.to) {
				l.give(f, f.to, other)
			}
			l.honest(f)
		},
		"gives it to another": func(l *liar, f told) {
			for _, other := range l.others(f.from, f.to) {
				l.give(f, other, f.from)
			}
			l.honest(f)
		},
		"changes a bit": func(l *liar, f told) {
			for i := range 3 {
				bad := f
				bad.sealed = bytes.Clone(f.sealed)
				bad.sealed[i*len(f.sealed)/3] ^= 1
				l.honest(bad)
			}
			l.honest(f)
		},
		"gives it a larger number": func(l *liar, f told) {
			bad := f
			bad.counter += 1000
			l.honest(bad)
			l.honest(f)
		},
		"takes a signal for a frame, and a frame for a signal": func(l *liar, f told) {
			bad := f
			bad.signal = !f.signal
			l.honest(bad)
			l.honest(f)
		},
		"seals something with a secret of its own": func(l *liar, f told) {
			l.mu.Lock()
			from, to := l.seats[f.from], l.seats[f.to]
			l.mu.Unlock()
			if to.conn != nil {
				box, err := stranger.NewBox(endOf(from.hello), endOf(to.hello), &room.Counter{})
				if err != nil {
					panic(err)
				}
				frame := room.Frame{What: room.WhatOpen, Stream: 1}
				bad := f
				bad.signal = false
				bad.counter, bad.sealed = box.Seal(nil, room.Relay, frame.Append(nil))
				l.honest(bad)
			}
			l.honest(f)
		},
		"drops some": func(l *liar, f told) {
			if l.n++; l.n%40 != 0 {
				l.honest(f)
			}
		},
		"drops all for a while, and everybody's connections": func(l *liar, f told) {
			if l.n++; l.n%150 == 0 {
				l.mu.Lock()
				for _, g := range l.seats {
					go g.conn.CloseNow()
				}
				l.mu.Unlock()
			}
			l.honest(f)
			l.honest(l.past(l.n)) // of former connections, too
		},
	} {
		t.Run(what, func(t *testing.T) {
			l := &liar{seats: map[room.Seat]guestOfLiar{}}
			l.lie = func(l *liar, f told) { l.lying.Lock(); defer l.lying.Unlock(); lie(l, f) }
			server := httptest.NewServer(l)
			t.Cleanup(server.Close)
			talk(t, server.URL)
		})
	}
}

func endOf(hello room.Said) room.End {
	return room.End{Member: hello.Member, Nonce: room.Nonce(hello.Nonce)}
}

// talk has three members say numbered things to each other, and believes nothing.
func talk(t *testing.T, url string) {
	const enough = 100
	type speaker struct {
		*Transport
		card  wire.Card
		heard map[wire.MemberID]uint64 // the last number of each, in its present words
		count map[wire.MemberID]int
	}
	var all []*speaker
	for i := range 3 {
		s := &speaker{
			Transport: meet(t, Options{Introducer: url, Member: fmt.Sprintf("m%d", i+1)}),
			heard:     map[wire.MemberID]uint64{}, count: map[wire.MemberID]int{},
		}
		s.card = wire.Card{Cluster: 0xc1, ID: wire.MemberID(i + 1), Incarnation: 1, Name: s.seats.opts.Member, Addr: s.Addr()}
		s.Introduce(s.card)
		all = append(all, s)
	}
	for _, s := range all {
		var peers []wire.Peer
		for _, o := range all {
			if o != s {
				peers = append(peers, wire.Peer{ID: o.card.ID, Addr: o.card.Addr})
			}
		}
		s.Connect(peers)
	}
	number := uint64(0)
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(time.Millisecond) {
		number++
		done := true
		for _, s := range all {
			for _, o := range all {
				if o != s {
					s.Send(wire.Peer{ID: o.card.ID}, &wire.Message{Kind: wire.ReadIndex, From: s.card.ID, To: o.card.ID, Term: 1, ID: uint64(s.card.ID)<<56 | uint64(o.card.ID)<<48 | number})
					done = done && s.count[o.card.ID] >= enough
				}
			}
			for _, a := range s.Drain(nil) {
				if a.Kind != wire.ArrivedMessage {
					continue
				}
				from, to, n := wire.MemberID(a.Message.ID>>56), wire.MemberID(a.Message.ID>>48&0xff), a.Message.ID&(1<<48-1)
				if a.Card.ID != from || a.Message.From != from || to != s.card.ID {
					t.Fatalf("%d heard what %d said to %d as from %s", s.card.ID, from, to, a.Card)
				}
				if n <= s.heard[from] {
					t.Fatalf("%d heard number %d of %d after %d", s.card.ID, n, from, s.heard[from])
				}
				s.heard[from] = n
				s.count[from]++
			}
		}
		if done {
			return
		}
		if time.Now().After(end) {
			for _, s := range all {
				t.Logf("%s heard %v, out because of %v", s.card, s.count, s.Err())
			}
			t.Fatal("what is honest does not arrive")
		}
	}
}
