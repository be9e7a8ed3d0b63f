package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/balsaraft/balsa/kv"
)

// What is read at once, and so the commands that go on their way together.
const leastRead, mostRead = 16 << 10, 256 << 10

// usual are the bounds of requests; narrow are those of who has not said the password.
var (
	usual  = bounds{args: 2*kv.MaxOps + 16, bulk: kv.MaxValue, bytes: kv.MaxCommand}
	narrow = bounds{args: 10, bulk: 16 << 10, bytes: 64 << 10}
)

// conn is one connection. Its goroutine owns it; that of a subscription writes, too, and
// another may call wake.
type conn struct {
	server *Server
	net    net.Conn
	parser *parser
	id     int64
	term   term

	mu  sync.Mutex // of out
	out *writer

	authed  bool
	who     standing
	store   kv.Store // as the client may use it
	idle    deadline // of reads
	inWords bool     // the last command was one that is answered in words
	ended   bool     // it is over once what was answered is sent
	name    string
	library [2]string // name and version, as the client says
	multi   *transaction
	watched map[string]uint64 // versions of keys, for the next transaction
	subs    *subscriptions
	shown   atomic.Pointer[card] // to others
	since   time.Time            // when it was accepted
	began   time.Time            // when the requests that are being carried out were read
	asked   string               // the command that was prepared last
}

func newConn(s *Server, accepted net.Conn) *conn {
	c := &conn{server: s, net: accepted, id: s.lastID.Add(1), since: time.Now()}
	c.beStranger()
	c.out = newWriter(&patient{Conn: accepted, patience: s.cfg.Unread})
	c.parser = newParser(c.bounds(), s.hold)
	c.showCard(c.out.proto)
	return c
}

// patient is a connection whose writes end.
type patient struct {
	net.Conn
	patience time.Duration
	until    deadline
}

func (p *patient) Write(b []byte) (int, error) {
	if ends, renew := p.until.in(p.patience); renew {
		p.SetWriteDeadline(ends)
	}
	return p.Conn.Write(b)
}

// deadline is when a wait ends, as it was set last. To set it for each command costs more
// than to look at the clock: so it is set a quarter later than it need be, and then serves
// all waits until that quarter is over.
type deadline struct{ ends time.Time }

// in is a deadline for a wait that begins now and may take so long, and whether it is to be
// set because the one before comes too early.
func (d *deadline) in(long time.Duration) (ends time.Time, renew bool) {
	now := time.Now()
	if renew = d.ends.Sub(now) < long; renew {
		d.ends = now.Add(long + long/4)
	}
	return d.ends, renew
}

func (c *conn) bounds() bounds {
	b := usual
	if !c.authed {
		b = narrow
	}
	b.line = c.server.cfg.MaxLine
	return b
}

// serve answers what comes until the connection or the server ends.
func (c *conn) serve(ctx context.Context) {
	defer c.forget()
	defer c.net.Close()
	buffer := make([]byte, leastRead)
	for {
		n, err := c.read(buffer)
		if n > 0 {
			if failed := c.consume(ctx, buffer[:n]); failed != nil {
				c.sayWhyItEnds(failed)
				return
			}
		}
		if errors.Is(err, io.EOF) {
			if r, ok := c.parser.finish(); ok {
				c.execute(ctx, []request{r})
			}
		}
		if failed := c.flush(); failed != nil {
			return
		}
		switch {
		case c.ended:
			c.linger()
			return
		case err == nil && c.server.isClosing():
			c.sayWhyItEnds(os.ErrDeadlineExceeded)
			return
		case err != nil:
			c.sayWhyItEnds(err)
			return
		}
		buffer = fitting(buffer, n)
	}
}

// fitting is a buffer for the next read, which is about as large as the last.
func fitting(buffer []byte, n int) []byte {
	switch {
	case n == len(buffer) && n < mostRead:
		return make([]byte, 2*n)
	case n < len(buffer)/4 && len(buffer) > leastRead:
		return make([]byte, len(buffer)/2)
	}
	return buffer
}

// forget lets go of what the connection held.
func (c *conn) forget() {
	c.unsubscribe()
	c.endTransaction()
	c.term.end()
	c.server.release(c.parser.held)
}

// read waits for bytes.
func (c *conn) read(buffer []byte) (int, error) {
	if err := c.patience(); err != nil {
		return 0, err
	}
	return c.net.Read(buffer)
}

// patience sets how long to wait, which is counted from the last whole command on.
func (c *conn) patience() error {
	if c.parser.begun() {
		return nil
	}
	ends, renew := time.Time{}, true
	if c.subs != nil {
		c.idle = deadline{}
	} else {
		ends, renew = c.idle.in(c.server.cfg.Idle)
	}
	if !renew {
		return nil
	}
	// Under the lock: a deadline set after Shutdown's would undo it.
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.server.closing {
		return os.ErrDeadlineExceeded
	}
	return c.net.SetReadDeadline(ends)
}

// consume carries out the requests that are whole with these bytes, all together.
func (c *conn) consume(ctx context.Context, b []byte) error {
	var batch []request
	for len(b) > 0 && !c.ended {
		n, r, whole, err := c.parser.take(b)
		b = b[n:]
		if whole {
			batch = append(batch, r)
		}
		if err != nil {
			c.execute(ctx, batch)
			return err
		}
		// What a request may have depends on whether the password was said.
		if !c.authed && len(batch) > 0 {
			c.execute(ctx, batch)
			batch = nil
		}
	}
	c.execute(ctx, batch)
	return nil
}

// write answers.
func (c *conn) write(f func(*writer)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c.out)
}

func (c *conn) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Flush()
}

// wake ends the wait for a request. The server calls it, holding its lock.
func (c *conn) wake() { c.net.SetReadDeadline(time.Unix(1, 0)) }

// sayWhyItEnds tells people, who read what comes, and clients that broke the protocol.
// What a client did not ask for it would take for the answer to its next command.
func (c *conn) sayWhyItEnds(err error) {
	var broken protocolError
	why := ""
	switch idle := errors.Is(err, os.ErrDeadlineExceeded); {
	case errors.Is(err, errLineTooLong):
		why = fmt.Sprintf("Error: the line is longer than %d bytes, which ends this connection; send larger values as Redis clients do, or over HTTP\n", c.server.cfg.MaxLine)
	case errors.As(err, &broken):
		why = "-ERR " + broken.Error() + "\r\n"
	case idle && c.talksInWords() && c.server.isClosing():
		why = "Error: this member is shutting down; ask another one\n"
	case idle && c.talksInWords():
		why = fmt.Sprintf("Error: no line came for %s, which ends this connection\n", c.server.cfg.Idle)
	case !idle:
		return
	}
	c.write(func(w *writer) { w.WriteString(why) })
	c.flush()
	c.linger()
}

func (c *conn) talksInWords() bool { return c.inWords || len(c.parser.line) > 0 && c.parser.left == 0 }

// linger lets the client read the last answer: closing with unread input would make
// the system drop what was sent and reset the connection.
func (c *conn) linger() {
	const patience, enough = time.Second, 4 << 20
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.net.SetReadDeadline(time.Now().Add(patience))
	io.CopyN(io.Discard, c.net, enough)
}

// inSmall is a command's name as the table has it.
func inSmall(name []byte) string { return strings.ToLower(string(name)) }
