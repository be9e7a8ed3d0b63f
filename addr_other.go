//go:build !js

package balsa

import "net"

// checkAddr says what is wrong with an address that others are to be dialled at.
func checkAddr(addr string) error {
	_, _, err := net.SplitHostPort(addr)
	return err
}

// reachable says whether others could dial an address: it names a host, and not all
// addresses of this one.
func reachable(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && host != "" && (ip == nil || !ip.IsUnspecified())
}
