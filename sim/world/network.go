package world

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/wire"
)

// network carries messages between processes, by the world's agenda.
type network struct {
	w       *World
	weather weather
	cut     map[route]bool
	last    map[lane]time.Duration                          // when the latest message in order lands
	meddle  func(from, to *transport, m *wire.Message) fate // what a plot does to messages; nil: nothing
}

// fate is what a plot does to a message.
type fate struct {
	drop bool
	late time.Duration // out of order
}

var (
	delivered = fate{}
	dropped   = fate{drop: true}
)

// route is one direction between two addresses.
type route struct{ from, to string }

// lane keeps messages in order: one connection.
type lane struct {
	from, to *transport
	lane     wire.Lane
}

// weather is what happens to messages under way.
type weather struct {
	minDelay, maxDelay       time.Duration
	loss, duplicate, reorder float64
	garble                   float64
}

// fair is the weather when there is no trouble.
var fair = weather{minDelay: 50 * time.Microsecond, maxDelay: time.Millisecond}

func newNetwork(w *World) network {
	return network{w: w, weather: fair, cut: map[route]bool{}, last: map[lane]time.Duration{}}
}

// at is the process that listens at an address, nil if none does.
func (n *network) at(addr string) *transport {
	for _, s := range n.w.seats {
		if s.addr == addr && s.process != nil {
			return s.process.transport
		}
	}
	return nil
}

// severed says whether a connection between two addresses cannot be made, nor its end
// be noticed.
func (n *network) severed(a, b string) bool { return n.cut[route{a, b}] || n.cut[route{b, a}] }

// flight is an encoded message under way.
type flight struct {
	from, to *transport
	card     wire.Card // what its sender said of itself
	lane     wire.Lane
	payload  []byte
	late     time.Duration // a plot wants it so
}

// launch sends a message through the weather.
func (n *network) launch(f flight) {
	d := n.w.draw
	if n.cut[route{f.from.addr, f.to.addr}] {
		n.w.count("message-cut")
		return
	}
	if d.chance(n.weather.loss) {
		n.w.count("message-lost")
		return
	}
	if d.chance(n.weather.garble) && n.garble(&f) {
		return
	}
	n.schedule(f)
	if d.chance(n.weather.duplicate) {
		n.w.count("message-twice")
		f.payload = slices.Clone(f.payload)
		n.schedule(f)
	}
}

func (n *network) schedule(f flight) {
	d := n.w.draw
	lands := n.w.now + d.between(n.weather.minDelay, n.weather.maxDelay)
	key := lane{f.from, f.to, f.lane}
	if f.late > 0 {
		n.w.count("message-late")
		lands += f.late
	} else if d.chance(n.weather.reorder) {
		n.w.count("message-reordered")
		lands += d.between(0, max(4*n.weather.maxDelay, time.Millisecond))
	} else {
		lands = max(lands, n.last[key])
		n.last[key] = lands
	}
	f.to.waiting += len(f.payload)
	n.w.at(lands, func() { n.land(f) })
}

// land hands a message over, unless its receiver is gone or was cut off meanwhile. The
// sender may be gone: what it sent had left it.
func (n *network) land(f flight) {
	f.to.waiting -= len(f.payload)
	if !f.to.closed && !n.cut[route{f.from.addr, f.to.addr}] {
		f.to.receive(f)
	}
}

// breakConnections ends the connections between two addresses, as a restarted switch
// does. What is under way may still arrive, after those who speak have met again.
func (n *network) breakConnections(a, b string) {
	for _, s := range n.w.seats {
		if s.process == nil {
			continue
		}
		t := s.process.transport
		for _, l := range t.links {
			if l.to != nil && (t.addr == a && l.to.addr == b || t.addr == b && l.to.addr == a) {
				t.lose(l)
			}
		}
	}
}

// died tells whoever was connected to a process that it is gone. A machine that lost its
// power says nothing: others notice when they ask the one that takes its place.
func (n *network) died(gone *transport, quietly bool) {
	for key := range n.last {
		if key.from == gone || key.to == gone {
			delete(n.last, key)
		}
	}
	for _, s := range n.w.seats {
		if s.process == nil {
			continue
		}
		t := s.process.transport
		for _, l := range t.links {
			if l.to == gone {
				t.watch(l, gone, quietly)
			}
		}
	}
}
