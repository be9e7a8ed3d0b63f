package memory

import (
	"container/heap"
	"slices"
	"time"
)

// flight is an encoded message under way.
type flight struct {
	from, to *Transport
	hello    greeting
	payload  []byte
	lands    time.Time
	number   uint64 // in the order of sending
}

// flights holds the messages under way, the next to land first. One timer serves all,
// so that messages that land at one instant do so in the order in which they were
// sent.
type flights struct {
	queue  landings
	number uint64
	timer  *time.Timer
	last   map[channel]time.Time // when the latest message in order lands
}

// channel is what keeps messages in order: one sender, one receiver.
type channel struct{ from, to *Transport }

// launch sends a payload through the weather.
func (n *Network) launch(f flight) {
	w := n.weather
	if n.chance(w.Loss) || n.cut[route{f.from.addr, f.to.addr}] {
		return
	}
	n.schedule(f)
	if n.chance(w.Duplicate) {
		f.payload = slices.Clone(f.payload)
		n.schedule(f)
	}
}

func (n *Network) schedule(f flight) {
	f.to.waiting += len(f.payload)
	now, c := time.Now(), channel{f.from, f.to}
	f.lands = now.Add(n.between(n.weather.MinDelay, n.weather.MaxDelay))
	before, busy := n.flights.last[c]
	switch {
	case n.chance(n.weather.Reorder):
		f.lands = f.lands.Add(n.between(0, max(4*n.weather.MaxDelay, time.Millisecond)))
	case busy && before.After(f.lands):
		f.lands = before
		fallthrough
	default:
		if n.flights.last == nil {
			n.flights.last = map[channel]time.Time{}
		}
		n.flights.last[c] = f.lands
	}
	if !f.lands.After(now) && !n.underWay(c) {
		n.land(f)
		return
	}
	n.flights.number++
	f.number = n.flights.number
	heap.Push(&n.flights.queue, f)
	n.arm(now)
}

// underWay says whether a message on the channel has not landed yet.
func (n *Network) underWay(c channel) bool {
	return slices.ContainsFunc(n.flights.queue, func(f flight) bool { return f.from == c.from && f.to == c.to })
}

// bytesTo is how much is under way to a transport.
func (f *flights) bytesTo(t *Transport) int {
	bytes := 0
	for _, x := range f.queue {
		if x.to == t {
			bytes += len(x.payload)
		}
	}
	return bytes
}

// arm sets the timer for the next landing.
func (n *Network) arm(now time.Time) {
	if len(n.flights.queue) == 0 {
		return
	}
	wait := n.flights.queue[0].lands.Sub(now)
	if n.flights.timer == nil {
		n.flights.timer = time.AfterFunc(wait, n.landDue)
		return
	}
	n.flights.timer.Reset(wait)
}

func (n *Network) landDue() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for len(n.flights.queue) > 0 && !n.flights.queue[0].lands.After(now) {
		n.land(heap.Pop(&n.flights.queue).(flight))
	}
	n.arm(now)
}

// land hands a message over, unless its receiver is gone or was cut off meanwhile.
func (n *Network) land(f flight) {
	if !f.to.closed && !n.cut[route{f.from.addr, f.to.addr}] {
		f.to.receive(f)
	}
}

// drop loses all that is under way between two transports.
func (f *flights) drop(a, b *Transport) {
	f.queue = slices.DeleteFunc(f.queue, func(x flight) bool {
		return x.from == a && x.to == b || x.from == b && x.to == a
	})
	heap.Init(&f.queue)
}

// forget drops what concerns a transport that was closed.
func (f *flights) forget(t *Transport) {
	f.queue = slices.DeleteFunc(f.queue, func(x flight) bool { return x.to == t })
	heap.Init(&f.queue)
	for c := range f.last {
		if c.from == t || c.to == t {
			delete(f.last, c)
		}
	}
}

func (n *Network) chance(share float64) bool { return share > 0 && n.rand.Float64() < share }

func (n *Network) between(low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(n.rand.Int64N(int64(high-low)+1))
}

// landings is a heap by time, and by order of sending at one time.
type landings []flight

func (l landings) Len() int { return len(l) }
func (l landings) Less(i, j int) bool {
	if l[i].lands.Equal(l[j].lands) {
		return l[i].number < l[j].number
	}
	return l[i].lands.Before(l[j].lands)
}
func (l landings) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *landings) Push(x any)   { *l = append(*l, x.(flight)) }
func (l *landings) Pop() any {
	last := len(*l) - 1
	f := (*l)[last]
	(*l)[last] = flight{}
	*l = (*l)[:last]
	return f
}
