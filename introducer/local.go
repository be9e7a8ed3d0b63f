package introducer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/balsaraft/balsa/room"
)

// localQueue bounds what waits for a member of this process, in bytes. It is one member
// to which all others talk.
const localQueue = 64 << 20

// Local is for members that live in the same process, such as a server to whose cluster
// windows belong: its requests, whatever their host, come to this service in memory. No
// token is asked for and no limit holds, and such a member alone may go by a server's name
// (room.ServerName).
func (s *Service) Local() *http.Client { return &http.Client{Transport: shortcut{s}} }

// shortcut is a round trip that ends in the service itself.
type shortcut struct{ s *Service }

func (c shortcut) RoundTrip(r *http.Request) (*http.Response, error) {
	if !c.s.enter() {
		return nil, room.Fail(room.GoingAway, "the introducer ends")
	}
	here, there := net.Pipe()
	w := &answer{header: http.Header{}, conn: there, decided: make(chan struct{})}
	go func() {
		defer c.s.running.Done()
		c.s.receive(w, r.WithContext(c.s.ctx), true)
		w.decide(http.StatusInternalServerError)
		there.Close()
	}()
	<-w.decided
	a := &http.Response{StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Request: r, Body: here}
	if w.status != http.StatusSwitchingProtocols {
		here.Close()
		a.Body = io.NopCloser(&w.body)
	}
	return a, nil
}

// enter counts a connection of this process, unless the service is closed.
func (s *Service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// answer is what a handler says to a request that came in memory. The handler's goroutine
// owns it until it has decided.
type answer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	conn    net.Conn
	decided chan struct{}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		a.decide(status)
		return
	}
	a.status = status
}

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// decide ends the request, with a status unless there is one.
func (a *answer) decide(status int) {
	select {
	case <-a.decided:
		return
	default:
	}
	if a.status == 0 {
		a.status = status
	}
	close(a.decided)
}

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.status != http.StatusSwitchingProtocols {
		return nil, nil, errors.New("the answer says something else")
	}
	return a.conn, bufio.NewReadWriter(bufio.NewReader(a.conn), bufio.NewWriter(a.conn)), nil
}
