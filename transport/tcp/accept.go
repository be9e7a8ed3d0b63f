package tcp

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// accept takes connections until the transport is closed.
func (t *Transport) accept() {
	pause := time.Duration(0)
	for {
		conn, err := t.listener.AcceptTCP()
		switch {
		case err == nil:
			pause = 0
			t.hub.GoServe(&accepted{t: t, raw: conn, conn: conn})
		case errors.Is(err, net.ErrClosed):
			return
		default:
			// Out of file descriptors, as a rule; others may go.
			t.hub.Complain(slog.LevelError, "accept", "cannot accept connections, and goes on trying", "address", t.Addr(), "error", err)
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			select {
			case <-time.After(pause):
			case <-t.hub.Done():
			}
		}
	}
}
