//go:build !linux

package socket

import (
	"net"
	"time"
)

// GiveUp is left to the system's own patience: only Linux has the option that package
// syscall can set.
func GiveUp(*net.TCPConn, time.Duration) {}
