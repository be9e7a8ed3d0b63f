//go:build !linux

package tcp

import (
	"net"
	"time"
)

// giveUp is left to the system's own patience: only Linux has the option that package
// syscall can set.
func giveUp(*net.TCPConn, time.Duration) {}
