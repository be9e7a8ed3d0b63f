package http

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/unread"
)

// maxConns is how many connections a server has at a time.
const maxConns = 4096

// crowd counts a server's connections, and turns away those that are too many.
type crowd struct {
	most int64
	n    atomic.Int64
}

// note is an http.Server's ConnState.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if c.n.Add(1) > c.most {
			c.turnAway(conn)
		}
	case http.StateClosed, http.StateHijacked:
		c.n.Add(-1)
	}
}

// turnAway says why. What it says fits into the buffers of a connection that has just
// begun, so that nobody is waited for. The server sees the end, and counts it.
func (c *crowd) turnAway(conn net.Conn) {
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	body := fmt.Sprintf(`{"error":{"code":"overloaded","message":"this member serves %d connections already; close one, or ask another member"}}`+"\n", c.most)
	fmt.Fprintf(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", len(body), body)
	conn.Close()
}

// errCrowded says that too much is sent at a time.
var errCrowded = errors.New("this member is busy with other large requests; try again, or ask another member")

// room counts an answer of so many bytes until done, unless too many wait for their readers
// then: a server's deadline gives slow ones time, and all of them together could take the
// memory.
func (h handler) room(bytes int) (done func(), p *problem) {
	if done = h.answers.Room(bytes); done == nil {
		return nil, crowdedOut()
	}
	return done, nil
}

func crowdedOut() *problem {
	return refuse(http.StatusServiceUnavailable, "overloaded", unread.Why)
}

// counted is the body of a request, of which what was read counts until the request ends.
type counted struct {
	io.ReadCloser
	held  *atomic.Int64
	most  int64
	share int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.share += int64(n)
	if c.held.Add(int64(n)) > c.most {
		return 0, errCrowded
	}
	return n, err
}

func (c *counted) release() { c.held.Add(-c.share) }
