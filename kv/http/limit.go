package http

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
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

// lightAnswer is how large answers may be that are not counted: one on every connection is
// no more than there may be of large ones, and who asks for little is served beside those
// who do not read.
const lightAnswer = 64 << 10

// answers counts the bytes of large answers that are being written: a server's deadline
// gives slow readers time, and all of them together could take the memory. Any goroutine
// may use it.
type answers struct {
	most int64
	n    atomic.Int64
}

// room counts an answer of so many bytes until done, unless there are too many then.
func (a *answers) room(bytes int) (done func(), p *problem) {
	done = a.count(bytes)
	if bytes > lightAnswer && a.n.Load() > a.most {
		done()
		return nil, unread()
	}
	return done, nil
}

// count is room for what must be answered, since it has happened.
func (a *answers) count(bytes int) (done func()) {
	if bytes <= lightAnswer {
		return func() {}
	}
	a.n.Add(int64(bytes))
	return func() { a.n.Add(-int64(bytes)) }
}

// full refuses what may bring much back and cannot be refused later.
func (a *answers) full() *problem {
	if a.n.Load() < a.most {
		return nil
	}
	return unread()
}

func unread() *problem {
	return refuse(http.StatusServiceUnavailable, "overloaded", "this member is busy with other large answers, which their readers take slowly; nothing was changed: try again, ask for less, or ask another member")
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
