// Package pion connects a Go program to windows of a browser directly, over WebRTC, by
// github.com/pion/webrtc. It is for members of a room (transport/websocket), whose
// transport uses it before the introducer's relay:
//
//	transport, err := websocket.Meet(websocket.Options{
//		Introducer: "wss://example.org", Room: "team-42", Secret: secret, Member: "archive",
//		Direct: pion.New(pion.Options{}),
//	})
//
// Offers, answers and candidates go sealed through the introducer, with the fingerprint of
// the certificate that is then negotiated, which room.DecodeWord checks
// (docs/introducer.md): so a connection is with the member whose seal it has, or with
// nobody. What is tried, when, and again, is as in web/lib/peers.js.
//
//	pion.go     all connections of this member
//	link.go     the connection to one other: who offers, and what is tried again
//	channel.go  a data channel as a stream of bytes
package pion

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"github.com/balsaraft/balsa/room"
)

// Options are what connections may be told. The zero Options are good.
type Options struct {
	// ICEServers are used beside those that the introducer names.
	ICEServers []room.ICEServer
	// Logger gets what people who look for a fault should know, at level Debug. Default
	// slog.Default.
	Logger *slog.Logger
}

// ErrNotConnected says that there is no direct connection to a member at the moment.
var ErrNotConnected = errors.New("there is no direct connection")

// Direct is all direct connections of one member, and a websocket.Direct. It serves one
// transport. Any goroutine may use it.
type Direct struct {
	opts   Options
	api    *webrtc.API
	accept func(member string, s io.ReadWriteCloser)
	here   func(member string)

	mu      sync.Mutex
	own     string
	links   map[string]*link
	closed  bool
	running sync.WaitGroup // all links
}

// New makes a Direct for websocket.Options.
func New(opts Options) *Direct {
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	var s webrtc.SettingEngine
	s.DetachDataChannels()
	s.SetIncludeLoopbackCandidate(true) // a window on this machine
	s.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	return &Direct{opts: opts, api: webrtc.NewAPI(webrtc.WithSettingEngine(s)), links: map[string]*link{}}
}

// Start says who this member is. From now on accept gets streams that others open, and
// here is told of members that have been connected to; neither may wait.
func (d *Direct) Start(own string, accept func(member string, s io.ReadWriteCloser), here func(member string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own, d.accept, d.here = own, accept, here
}

// Joined says that a member has come to the room. say says something to it, sealed, and
// does not wait.
func (d *Direct) Joined(member string, ice []room.ICEServer, say func(room.Word)) {
	if l := d.link(member); l != nil {
		l.do(func() { l.joined(ice, say) })
	}
}

// Left says that the introducer does not see a member any more.
func (d *Direct) Left(member string) {
	if l := d.link(member); l != nil {
		l.do(l.left)
	}
}

// Hear takes what a member has said, which was opened and checked.
func (d *Direct) Hear(member string, w room.Word) {
	if l := d.link(member); l != nil {
		l.do(func() { l.hear(w) })
	}
}

// Dial opens a stream to a member. It does not wait: the stream does. An error is
// ErrNotConnected, or websocket.ErrGone if it has said goodbye.
func (d *Direct) Dial(member string) (io.ReadWriteCloser, error) {
	d.mu.Lock()
	l := d.links[member]
	d.mu.Unlock()
	if l == nil {
		return nil, ErrNotConnected
	}
	return l.dial()
}

// Close ends all connections before it returns.
func (d *Direct) Close() {
	d.mu.Lock()
	d.closed = true
	for _, l := range d.links {
		l.stop()
	}
	d.mu.Unlock()
	d.running.Wait()
}

// link finds or makes what is known of a member; nil once all is closed.
func (d *Direct) link(member string) *link {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.links[member]
	if l != nil || d.closed {
		return l
	}
	l = newLink(d, member)
	d.links[member] = l
	d.running.Go(l.run)
	return l
}
