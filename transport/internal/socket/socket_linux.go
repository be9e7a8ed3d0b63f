package socket

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which package syscall does not
// name.
const tcpUserTimeout = 0x12

// GiveUp ends a connection on which nothing was acknowledged for that long. Without
// it a connection that went through a long partition stays, and the kernel tries again
// after as long a pause as the partition was (RFC 6298 §5.5): the members would be
// cut off for that much longer.
func GiveUp(conn *net.TCPConn, after time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // the connection has ended already
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(after.Milliseconds()))
	})
}
