//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/balsaraft/balsa/sim/chaos/proxy"
)

// condition is how one direction between two members is; the zero one is good.
type condition struct {
	cut    bool
	delay  time.Duration
	jitter time.Duration
	loss   int // of packets, in percent
}

// network connects the members and can be disturbed. Callers reach them beside it.
type network interface {
	// place finds a place for a member.
	place(name string) (place, error)
	// set gives directions a condition.
	set(routes []proxy.Route, c condition) error
	// reset breaks the connections in these directions, those both ways with them.
	reset(routes []proxy.Route) error
	heal() error
	// lacks says why it cannot do something, "" if it can.
	lacks(c condition) string
	close()
}

// proxied is a network of connections that go through this process.
type proxied struct{ net *proxy.Network }

func newNetwork(kind string) (network, error) {
	if kind == "kernel" {
		return newKernelNetwork()
	}
	return proxied{proxy.New()}, nil
}

// free is an address that nobody uses, at a random place of the loopback network, where
// no connection's own port can take it before the member does.
func free() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("find a free address: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (p proxied) place(name string) (at place, err error) {
	for _, addr := range []*string{&at.listen, &at.advertise, &at.http, &at.redis} {
		if *addr, err = free(); err != nil {
			return at, err
		}
	}
	_, err = p.net.Open(name, at.advertise, at.listen)
	return at, err
}

func (p proxied) set(routes []proxy.Route, c condition) error {
	for _, r := range routes {
		p.net.Set(r, proxy.Rule{Cut: c.cut, Delay: c.delay, Jitter: c.jitter})
	}
	return nil
}

func (p proxied) reset(routes []proxy.Route) error {
	p.net.Break(func(r proxy.Route) bool {
		for _, one := range routes {
			if one == r {
				return true
			}
		}
		return false
	})
	return nil
}

func (p proxied) heal() error {
	p.net.Heal()
	return nil
}

func (p proxied) lacks(c condition) string {
	if c.loss > 0 {
		return "a proxy cannot lose packets: run with -net kernel"
	}
	return ""
}

func (p proxied) close() { p.net.Close() }
