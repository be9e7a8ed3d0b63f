package proxy

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/balsaraft/balsa/wire"
)

const (
	// introductionTime is how long who dialled may take to say who it is.
	introductionTime = 10 * time.Second
	chunkBytes       = 32 << 10
	// chunksUnderWay bounds what a slow or cut direction holds; then TCP pushes back.
	chunksUnderWay = 64
)

// conn is a connection between two members: two halves, and a pump for each direction.
type conn struct {
	route Route         // of who dialled; From is "" until it has said so. Owned by Network.mu
	ended chan struct{} // closed with the halves

	mu     sync.Mutex
	halves []*net.TCPConn
	done   bool
}

// hold takes a half in, or closes it if the connection has ended.
func (c *conn) hold(half *net.TCPConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		half.Close()
		return false
	}
	c.halves = append(c.halves, half)
	return true
}

// reset ends both halves as a broken network does. What waits in a pump, and what the
// system has not sent yet, is dropped.
func (c *conn) reset() { c.end(func(half *net.TCPConn) { half.SetLinger(0) }) }

// close ends both halves once all has been passed on.
func (c *conn) close() { c.end(func(*net.TCPConn) {}) }

func (c *conn) end(prepare func(*net.TCPConn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	c.done = true
	close(c.ended)
	for _, half := range c.halves {
		prepare(half)
		half.Close()
	}
}

// serve passes one connection on until it ends.
func (n *Network) serve(dialer *net.TCPConn, to, target string) {
	c := &conn{route: Route{To: to}, ended: make(chan struct{})}
	defer c.reset()
	if !c.hold(dialer) || !n.add(c) {
		return
	}
	defer n.remove(c)
	late := time.AfterFunc(introductionTime, c.reset)
	from, first, err := introduction(dialer)
	if !late.Stop() || err != nil {
		return
	}
	route := n.named(c, from)
	dialled, err := net.Dial("tcp", target)
	if err != nil {
		return // the member is dead: who dialled sees its connection break
	}
	member := dialled.(*net.TCPConn)
	if !c.hold(member) {
		return
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { n.pump(c, route, dialer, member, first) })
	pumps.Go(func() { n.pump(c, Route{route.To, route.From}, member, dialer, nil) })
	pumps.Wait()
	c.close()
}

// introduction reads the first frame, in which who dialled says its name.
func introduction(from net.Conn) (name string, first []byte, err error) {
	first = make([]byte, wire.FrameHeaderSize)
	if _, err := io.ReadFull(from, first); err != nil {
		return "", nil, err
	}
	h, err := wire.ParseFrameHeader(first, wire.MaxHandshake)
	if err != nil {
		return "", nil, err
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(from, payload); err != nil {
		return "", nil, err
	}
	hello, err := wire.DecodeHello(payload)
	if err != nil {
		return "", nil, err
	}
	return hello.Card.Name, append(first, payload...), nil
}

// chunk is a piece of the stream and when it arrives; the last one has the reason why
// there are no more.
type chunk struct {
	data []byte
	due  time.Time
	err  error
}

// pump carries one direction: a reader stamps what comes with its arrival, a writer
// waits for that and while there is a cut. The end of the stream travels the same way,
// so that behind a cut nobody hears of a death.
func (n *Network) pump(c *conn, r Route, from, to *net.TCPConn, first []byte) {
	under := make(chan chunk, chunksUnderWay)
	n.running.Go(func() { n.stamp(c, r, from, first, under) }) // ends with the connection
	for {
		var next chunk
		select {
		case next = <-under:
		case <-c.ended:
			return
		}
		if !n.await(c, r, next.due) {
			return
		}
		if _, err := to.Write(next.data); err != nil {
			c.reset()
			return
		}
		switch {
		case errors.Is(next.err, io.EOF):
			to.CloseWrite()
			return
		case next.err != nil:
			c.reset()
			return
		}
	}
}

func (n *Network) stamp(c *conn, r Route, from *net.TCPConn, first []byte, under chan<- chunk) {
	var due time.Time
	send := func(data []byte, err error) bool {
		rule, _ := n.rule(r)
		late := rule.Delay
		if rule.Jitter > 0 {
			late += rand.N(rule.Jitter)
		}
		if at := time.Now().Add(late); at.After(due) {
			due = at
		}
		select {
		case under <- chunk{data, due, err}:
			return err == nil
		case <-c.ended:
			return false
		}
	}
	if first != nil && !send(first, nil) {
		return
	}
	for {
		b := make([]byte, chunkBytes)
		count, err := from.Read(b)
		if !send(b[:count], err) {
			return
		}
	}
}

// await returns when something may arrive, or false if the connection has ended.
func (n *Network) await(c *conn, r Route, due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.ended:
			return false
		}
	}
	for {
		rule, changed := n.rule(r)
		if !rule.Cut {
			return true
		}
		select {
		case <-changed:
		case <-c.ended:
			return false
		}
	}
}
