//go:build linux

package main

import (
	"slices"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/proxy"
)

// networkFaults happen between members.
var networkFaults = []fault{
	{"cut-one-way", 4, nil, func(h *hand) error { return h.disturb(pairOf(h.some(2)), condition{cut: true}) }},
	{"cut-pair", 3, nil, func(h *hand) error { return h.disturb(bothWays(pairOf(h.some(2))), condition{cut: true}) }},
	{"isolate", 4, nil, func(h *hand) error {
		v := h.victim()
		return h.disturb(bothWays(between([]*member{v}, h.others(v))), condition{cut: true})
	}},
	{"deaf", 3, nil, func(h *hand) error {
		v := h.victim()
		return h.disturb(between(h.others(v), []*member{v}), condition{cut: true})
	}},
	{"mute", 3, nil, func(h *hand) error {
		v := h.victim()
		return h.disturb(between([]*member{v}, h.others(v)), condition{cut: true})
	}},
	{"partition", 3, nil, func(h *hand) error {
		all := h.some(len(h.all()))
		at := 1 + h.random.IntN(len(all)-1)
		return h.disturb(bothWays(between(all[:at], all[at:])), condition{cut: true})
	}},
	{"delay-all", 2, lacksDelay, func(h *hand) error {
		all := h.all()
		return h.disturb(between(all, all), h.slow())
	}},
	{"delay-one", 3, lacksDelay, func(h *hand) error {
		v := h.victim()
		return h.disturb(bothWays(between([]*member{v}, h.others(v))), h.slow())
	}},
	{"loss-all", 2, lacksLoss, func(h *hand) error {
		all := h.all()
		return h.disturb(between(all, all), condition{loss: 2 + h.random.IntN(30)})
	}},
	{"loss-one", 3, lacksLoss, func(h *hand) error {
		v := h.victim()
		return h.disturb(bothWays(between([]*member{v}, h.others(v))), condition{loss: 10 + h.random.IntN(60)})
	}},
	{"break", 3, nil, breakConnections},
}

func lacksDelay(c *cluster) string { return c.net.lacks(condition{delay: time.Millisecond}) }
func lacksLoss(c *cluster) string  { return c.net.lacks(condition{loss: 1}) }

// disturb gives directions a condition for a while. At times what was held back never
// arrives, because the connections break before it could.
func (h *hand) disturb(routes []proxy.Route, c condition) error {
	h.calm.RLock()
	defer h.calm.RUnlock()
	h.report.detail("  %+v %v", c, routes)
	if err := h.net.set(routes, c); err != nil {
		return err
	}
	h.wait(h.lasting())
	if h.random.IntN(3) == 0 {
		if err := h.net.reset(routes); err != nil {
			return err
		}
	}
	return h.net.heal()
}

func (h *hand) slow() condition {
	delay := time.Duration(1+h.random.IntN(150)) * time.Millisecond
	return condition{delay: delay, jitter: time.Duration(h.random.Int64N(int64(delay)))}
}

// breakConnections breaks connections again and again.
func breakConnections(h *hand) error {
	h.calm.RLock()
	defer h.calm.RUnlock()
	all := h.all()
	for end := time.Now().Add(h.lasting()); ; {
		routes := between(all, all)
		if h.random.IntN(2) == 0 {
			routes = bothWays(pairOf(h.some(2)))
		}
		if err := h.net.reset(routes); err != nil {
			return err
		}
		if !h.wait(time.Duration(5+h.random.IntN(200))*time.Millisecond) || time.Now().After(end) {
			return h.net.heal()
		}
	}
}

func (h *hand) others(but *member) []*member {
	return slices.DeleteFunc(h.all(), func(m *member) bool { return m == but })
}

func pairOf(ms []*member) []proxy.Route { return between(ms[:1], ms[1:]) }

func between(from, to []*member) (routes []proxy.Route) {
	for _, f := range from {
		for _, t := range to {
			if f != t {
				routes = append(routes, proxy.Route{From: f.name, To: t.name})
			}
		}
	}
	return routes
}

func bothWays(routes []proxy.Route) []proxy.Route {
	both := slices.Clone(routes)
	for _, r := range routes {
		both = append(both, proxy.Route{From: r.To, To: r.From})
	}
	return both
}
