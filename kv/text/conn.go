package text

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// conn is one connection. Its goroutine owns it; another may call wake.
type conn struct {
	server *Server
	net    net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
}

// answerTimeout is how long a client may leave answers unread.
const answerTimeout = 30 * time.Second

var errLineTooLong = errors.New("the line is too long")

func newConn(s *Server, accepted net.Conn) *conn {
	return &conn{server: s, net: accepted, in: bufio.NewReader(accepted), out: bufio.NewWriter(accepted)}
}

// serve answers line by line until the connection or the server ends.
func (c *conn) serve(ctx context.Context) {
	defer c.net.Close()
	for {
		line, err := c.readLine()
		if err != nil {
			c.sayWhyItEnds(err)
			return
		}
		goOn := c.answer(ctx, line)
		if !goOn || c.server.isClosing() {
			c.flush()
			c.linger()
			return
		}
	}
}

// readLine reads a line without its end. What was answered so far goes out before it
// waits, so that commands that came together are answered together. The end of the
// input ends a line, too.
func (c *conn) readLine() (string, error) {
	if err := c.flushBeforeWaiting(); err != nil {
		return "", err
	}
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > c.server.cfg.MaxLine+len("\r\n"):
			return "", errLineTooLong
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
			if len(text) > c.server.cfg.MaxLine {
				return "", errLineTooLong
			}
			return text, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// flushBeforeWaiting sends the answers unless another line is at hand already.
func (c *conn) flushBeforeWaiting() error {
	waiting, _ := c.in.Peek(c.in.Buffered())
	if bytes.IndexByte(waiting, '\n') >= 0 {
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	// Under the lock: a deadline set after Shutdown's would undo it.
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.server.closing {
		return os.ErrDeadlineExceeded
	}
	return c.net.SetReadDeadline(time.Now().Add(c.server.cfg.Idle))
}

func (c *conn) flush() error {
	if c.out.Buffered() == 0 {
		return nil
	}
	c.net.SetWriteDeadline(time.Now().Add(answerTimeout))
	return c.out.Flush()
}

// wake ends the wait for a line. The server calls it, holding its lock.
func (c *conn) wake() { c.net.SetReadDeadline(time.Unix(1, 0)) }

func (c *conn) sayWhyItEnds(err error) {
	switch {
	case errors.Is(err, errLineTooLong):
		fmt.Fprintf(c.out, "Error: the line is longer than %d bytes, which ends this connection; put larger values over HTTP\n", c.server.cfg.MaxLine)
	case c.server.isClosing():
		fmt.Fprint(c.out, "Error: this member is shutting down; ask another one\n")
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Fprintf(c.out, "Error: no line came for %s, which ends this connection\n", c.server.cfg.Idle)
	default:
		return
	}
	c.flush()
	c.linger()
}

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

// answer carries out a line and writes what came of it. It says whether the
// connection goes on.
func (c *conn) answer(ctx context.Context, line string) bool {
	ctx, cancel := context.WithTimeout(ctx, c.server.cfg.Timeout)
	defer cancel()
	reply, goOn := answer(ctx, c.server.store, line)
	c.net.SetWriteDeadline(time.Now().Add(answerTimeout)) // a long reply is written at once
	_, err := c.out.WriteString(reply)
	return goOn && err == nil
}
