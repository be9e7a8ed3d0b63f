package tcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/balsaraft/balsa/wire"
)

// speech is what the first bytes on a connection look like.
type speech uint8

const (
	speechUnknown speech = iota
	speechBalsa
	speechTLS
	speechHTTP
)

// firstBytes is how many bytes tell protocols apart.
const firstBytes = 4

func recognise(first []byte) speech {
	methods := []string{"GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "}
	switch {
	case string(first) == "BAL\xa5":
		return speechBalsa
	case first[0] == 0x16 && first[1] == 3: // a TLS record with a handshake
		return speechTLS
	case slices.Contains(methods, string(first)):
		return speechHTTP
	}
	return speechUnknown
}

// strayError is about someone who speaks something else than members do, with the
// answer in their own language.
type strayError struct {
	what   string
	answer []byte
}

func (e *strayError) Error() string { return e.what }

// Answer makes it a stream.Stray.
func (e *strayError) Answer() []byte { return e.answer }

// openStream finds out what the other end speaks, puts TLS on the connection if that
// is how members here speak, and stops at the first frame of a member.
func (t *Transport) openStream(ctx context.Context, c *accepted) error {
	c.in = bufio.NewReaderSize(c.conn, readBuffer)
	first, err := c.in.Peek(firstBytes)
	if err != nil {
		return err
	}
	said := recognise(first)
	if said == speechTLS && t.opts.TLS != nil {
		secure := tls.Server(&replayed{c.raw, c.in}, t.opts.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("agree on TLS: %w", err)
		}
		c.conn, c.in = secure, bufio.NewReaderSize(secure, readBuffer)
		if first, err = c.in.Peek(firstBytes); err != nil {
			return fmt.Errorf("after TLS was agreed on: %w", err)
		}
		if said = recognise(first); said == speechBalsa {
			return nil
		}
	}
	switch {
	case said == speechBalsa && t.opts.TLS == nil:
		return nil
	case said == speechBalsa:
		return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: "TLS", Theirs: "none", Text: "start all members with TLS, or none"}
	case said == speechTLS:
		return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: "none", Theirs: "TLS", Text: "start all members with TLS, or none"}
	case said == speechHTTP:
		return &strayError{"an HTTP request on the port where members talk to each other", httpAnswer()}
	}
	return &strayError{fmt.Sprintf("it starts with %q, which no member says", first), nil}
}

// replayed is a connection some of whose bytes were read already.
type replayed struct {
	net.Conn
	in *bufio.Reader
}

func (r *replayed) Read(b []byte) (int, error) { return r.in.Read(b) }

func httpAnswer() []byte {
	const text = "This is the port on which balsa's members talk to each other; they do not speak HTTP here.\n" +
		"A member that serves HTTP does so at the address given with --http, usually on port 8080.\n"
	return []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Content-Length: " + strconv.Itoa(len(text)) + "\r\nConnection: close\r\n\r\n" + text)
}
