// Package windows makes members of a cluster of servers of those that cannot be dialled:
// windows of a browser, or programs behind a router. Servers have any transport among
// each other; beside it each opens a door, to which windows hold a WebSocket:
//
//	server ═══ servers' own transport ═══ server
//	  ║ /room                               ║ /room
//	  ╚════════ WebSockets ═ window ════════╝
//
// The door is an introducer (docs/introducer.md) for one room, in which the server itself
// is a member: who knows the room's secret gets in, all that passes is sealed with it, and
// over both directions of a window's WebSocket go streams, handshake included, as over any
// transport.
//
// Servers tell each other in the handshake of a connection, and then windows, where their
// doors are (Options.Door), and windows hold a WebSocket to each.
//
// A window holds the whole state, live; it proposes and reads as any member does. It does
// not vote, unless Options.Voters lets it. Windows come and go: Transport.Keep forgets
// those that stay away. A program that is such a member has websocket.Meet, with
// Options.Servers; a page has servers in the options of open (web/balsa.js).
package windows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/introducer"
	"github.com/balsaraft/balsa/room"
	"github.com/balsaraft/balsa/steward"
	"github.com/balsaraft/balsa/transport/websocket"
	"github.com/balsaraft/balsa/wire"
)

// Options say who gets in. Room and Secret are needed, the same at all servers.
type Options struct {
	// Room is the room's name, Secret what all windows share with the servers: at least
	// 16 random bytes. Who knows it is a member like any other, except for its vote.
	Room   string
	Secret []byte
	// TokenKey, of at least 32 random bytes, asks for a token too, which whoever knows
	// this key makes, for a while or for one use (introducer.NewToken).
	TokenKey []byte
	// Origins are those of pages that may come in beside the servers' own, as
	// "https://example.org"; "*" is all of them. Pages at the doors of other servers may,
	// too, from when such a server was first met.
	Origins []string
	// Door is where windows reach this server, as "wss://a.example.org". Servers tell each
	// other, and windows, so that one that knows a single server finds all of them.
	// Default: windows have to list this server.
	Door string
	// Voters lets windows vote, up to balsa.Config.MaxVoters members in all: those that
	// are away for 8 seconds do not count until they are back. Windows of a server see
	// each other then, which costs each as much as there are others.
	Voters bool
	// MaxWindows is how many may be at this server at a time. Default 512.
	MaxWindows int
	// Forget is the absence after which Keep removes a window. Default 30 minutes.
	Forget time.Duration
	// Pages are files that the door serves to browsers, if it is mounted at "/" instead.
	Pages fs.FS
	// Logger gets what people should know. Default slog.Default.
	Logger *slog.Logger
}

// Transport is that of a server which has windows for members. As balsa.Config.Transport
// it belongs to the node, which closes it; Keep, Handler, LetsIn, MayVote and Windows are for any
// goroutine.
type Transport struct {
	opts    Options
	servers balsa.Transport
	door    *introducer.Service
	keys    room.Keys
	wake    chan struct{} // readable when Drain has something
	done    chan struct{} // closed by Close
	once    sync.Once     // for Close
	running sync.WaitGroup

	mu      sync.Mutex
	windows *websocket.Transport // nil before Introduce
	card    wire.Card
	known   map[wire.MemberID]string // addresses of the other servers
	doors   map[wire.MemberID]string // theirs, of those that have told
	told    room.Doors               // what windows know
}

// Beside opens a door for windows beside the transport that servers have among each
// other, which belongs to it from now on. Errors say which option is not good.
func Beside(servers balsa.Transport, opts Options) (*Transport, error) {
	opts.MaxWindows = cmp.Or(opts.MaxWindows, 512)
	opts.Forget = cmp.Or(opts.Forget, 30*time.Minute)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	keys, err := room.Derive(opts.Room, opts.Secret)
	if err != nil {
		return nil, fmt.Errorf("let windows in: Options.Room and Options.Secret: %w", err)
	}
	if opts.Door != "" {
		if err := room.CheckDoor(opts.Door); err != nil {
			return nil, fmt.Errorf("let windows in: Options.Door: %w", err)
		}
	}
	door, err := introducer.New(introducer.Options{
		Room: keys.ID(), Apart: !opts.Voters, Origins: opts.Origins, TokenKey: opts.TokenKey,
		MaxMembers: opts.MaxWindows, MaxPerAddress: opts.MaxWindows, QueueBytes: windowQueue, Pages: opts.Pages, Logger: opts.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("let windows in: %w", err)
	}
	t := &Transport{
		opts: opts, servers: servers, door: door, keys: keys,
		wake: make(chan struct{}, 1), done: make(chan struct{}), known: map[wire.MemberID]string{}, doors: map[wire.MemberID]string{},
	}
	t.running.Go(func() { t.pass(servers.Wake()) })
	return t, nil
}

// windowQueue bounds what waits for one window, in bytes: a window's worth of credit for
// each of its streams, and what is said about others.
const windowQueue = 4 << 20

// Handler is what to mount at a server that windows reach: a pattern of http.ServeMux, and
// the door.
func (t *Transport) Handler() (pattern string, handler http.Handler) {
	return "GET " + room.Path, t.door
}

// LetsIn says whether pages of an origin may come in that are not of this server's own
// host: for what else is served to them (rpc.ForPagesThat).
func (t *Transport) LetsIn(origin string) bool { return t.door.LetsIn(origin) }

// Windows is how many hold a WebSocket to this server.
func (t *Transport) Windows() int { return t.door.Status().Connections }

// MayVote says which learners a leader may promote.
func (t *Transport) MayVote(m balsa.Member) bool { return t.opts.Voters || !isWindow(m.Addr) }

func isWindow(addr string) bool { return strings.HasPrefix(addr, room.Scheme) }

// Keep forgets windows that stay away, and lets those that vote no longer count while they
// are away, until ctx or the node ends. Each server runs it; the leader's acts.
func (t *Transport) Keep(ctx context.Context, node steward.Node) {
	rules := steward.OfWindows()
	rules.Voters, rules.Forget = 0, t.opts.Forget
	rules.Cares = func(m balsa.MemberStatus) bool { return isWindow(m.Addr) }
	steward.Keep(ctx, node, rules, func(did string, err error) {
		if err == nil {
			t.opts.Logger.Info(did)
		}
	})
}

// pass wakes the node when one of the two transports does.
func (t *Transport) pass(wake <-chan struct{}) {
	for {
		select {
		case <-wake:
		case <-t.done:
			return
		}
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// Wake is readable when Drain has something.
func (t *Transport) Wake() <-chan struct{} { return t.wake }

// OnMessage says what to call when a message of a server has come, if the transport among
// servers can call; the others' show in Wake.
func (t *Transport) OnMessage(f func()) {
	if servers, ok := t.servers.(interface{ OnMessage(func()) }); ok {
		servers.OnMessage(f)
	}
}

// Addr is where other servers reach this one.
func (t *Transport) Addr() string { return t.servers.Addr() }

// Drain appends what has arrived, in order for each connection.
func (t *Transport) Drain(into []wire.Arrival) []wire.Arrival {
	had := len(into)
	into = t.servers.Drain(into)
	t.hear(into[had:])
	if w := t.guests(); w != nil {
		into = w.Drain(into)
	}
	return into
}

func (t *Transport) guests() *websocket.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.windows
}

// Introduce says who this process is, to servers and to windows.
func (t *Transport) Introduce(card wire.Card) {
	card.Door = t.opts.Door
	t.servers.Introduce(card)
	t.mu.Lock()
	t.card = card
	if t.windows == nil {
		t.windows = t.meet(room.ServerName(card.Addr))
	}
	w := t.windows
	t.mu.Unlock()
	w.Introduce(card)
	t.announce()
}

// meet sits down in the room, under the name that goes with this server's address.
func (t *Transport) meet(name string) *websocket.Transport {
	w, err := websocket.Meet(websocket.Options{
		Introducer: "ws://door", HTTP: t.door.Local(), Room: t.opts.Room, Secret: t.opts.Secret, Member: name,
		Vet: t.vet, Logger: t.opts.Logger,
	})
	if err != nil {
		panic("windows: options that were looked at are refused: " + err.Error())
	}
	t.running.Go(func() { t.pass(w.Wake()) })
	return w
}

var errServers = errors.New("it goes by the identity of a server")

// vet refuses windows that say that they are servers.
func (t *Transport) vet(card wire.Card) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.known[card.ID]; known || card.ID == t.card.ID {
		return errServers
	}
	return nil
}

// Connect says which members to hold connections to; others are let go.
func (t *Transport) Connect(peers []wire.Peer) {
	var servers, windows []wire.Peer
	known := map[wire.MemberID]string{}
	for _, p := range peers {
		if isWindow(p.Addr) {
			windows = append(windows, p)
			continue
		}
		servers = append(servers, p)
		known[p.ID] = p.Addr
	}
	t.mu.Lock()
	t.known = known
	maps.DeleteFunc(t.doors, func(id wire.MemberID, _ string) bool { _, known := known[id]; return !known })
	t.mu.Unlock()
	t.announce()
	t.servers.Connect(servers)
	if w := t.guests(); w != nil {
		w.Connect(windows)
	}
}

// hear notes where the doors of servers are that have just been connected to.
func (t *Transport) hear(arrivals []wire.Arrival) {
	news := false
	for _, a := range arrivals {
		if a.Kind != wire.ArrivedUp && a.Kind != wire.ArrivedGuest {
			continue
		}
		t.mu.Lock()
		if _, known := t.known[a.Card.ID]; known && t.doors[a.Card.ID] != a.Card.Door {
			t.doors[a.Card.ID], news = a.Card.Door, true
		}
		t.mu.Unlock()
	}
	if news {
		t.announce()
	}
}

// announce tells windows where the servers' doors are, if that is new.
func (t *Transport) announce() {
	t.mu.Lock()
	doors := room.Doors{}
	note := func(addr, door string) {
		if room.CheckDoor(door) == nil && len(doors) < room.MaxDoors {
			doors[room.ServerName(addr)] = door
		}
	}
	note(t.card.Addr, t.card.Door)
	for _, id := range slices.Sorted(maps.Keys(t.doors)) {
		note(t.known[id], t.doors[id])
	}
	w := t.windows
	news := w != nil && !maps.Equal(doors, t.told)
	if news {
		t.told = doors
	}
	t.mu.Unlock()
	if news {
		t.door.AllowOrigins(origins(doors))
		w.Announce(doors)
	}
}

// origins are those of pages that servers hand out at their doors (RFC 6454, section 6.1).
func origins(doors room.Doors) (all []string) {
	for _, door := range doors {
		u, err := url.Parse(door)
		if err != nil {
			continue // which CheckDoor has looked at
		}
		scheme := strings.Replace(u.Scheme, "ws", "http", 1)
		host := strings.ToLower(u.Host)
		host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
		all = append(all, scheme+"://"+host)
	}
	return all
}

// Send queues a message for a member, or drops it if nobody can be reached there now.
func (t *Transport) Send(to wire.Peer, m *wire.Message) {
	if w := t.guests(); isWindow(to.Addr) && w != nil {
		w.Send(to, m)
		return
	}
	t.servers.Send(to, m)
}

// Close ends all connections and goroutines before it returns. Windows hear that this
// server is gone, and hold to the others.
func (t *Transport) Close() error {
	var err error
	t.once.Do(func() { err = t.close() })
	return err
}

func (t *Transport) close() error {
	close(t.done)
	if w := t.guests(); w != nil {
		w.Close()
	}
	err := errors.Join(t.door.Close(), t.servers.Close())
	t.running.Wait()
	return err
}
