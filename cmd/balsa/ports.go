package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports below those that systems give to connections (RFC 6335 has the latter begin at
// 49152, Linux at 32768). A member of the demo gives its ports up while it is stopped: a
// connection could take one of the others meanwhile, and the member not come back.
const firstPort, portCount = 10_000, 20_000

// listenAnywhere listens at a port of a host that is free, and stays so when the listener is
// closed, unless another program listens there.
func listenAnywhere(flag, host string) (l net.Listener, err error) {
	const tries = 100
	for range tries {
		port := strconv.Itoa(firstPort + rand.IntN(portCount))
		if l, err = listen(flag, net.JoinHostPort(host, port)); !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
	}
	return nil, fmt.Errorf("%w; so were %d others that were tried: give ports that are free", err, tries-1)
}
