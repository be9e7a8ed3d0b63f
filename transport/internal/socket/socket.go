package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Silence is how long nothing may be acknowledged on a connection.
const Silence = 5 * time.Second

// KeepAlive finds dead machines on connections that are idle.
var KeepAlive = net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}

// Dial connects to an address, whose name is resolved anew each time.
func Dial(ctx context.Context, addr string, timeout time.Duration) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: timeout, KeepAliveConfig: KeepAlive}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) {
			return nil, fmt.Errorf("nothing resolves %q: %w", dns.Name, err)
		}
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	GiveUp(tcp, Silence)
	return tcp, nil
}

// BrokeOff says whether the other end, or this one, ended the connection.
func BrokeOff(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
