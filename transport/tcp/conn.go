package tcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/transport/internal/socket"
	"github.com/balsaraft/balsa/wire"
)

// readBuffer is how much is read from a socket at once; what is larger goes straight
// into the message's memory.
const readBuffer = 64 << 10

// dialled is a connection that this process dialled.
type dialled struct {
	net.Conn              // closes both
	plain    *net.TCPConn // nil under TLS
	secure   *bufio.Writer
	in       *bufio.Reader
}

func (d *dialled) In() *bufio.Reader { return d.in }

// Write sends a burst: over TCP with one system call, from the buffers as they lie.
func (d *dialled) Write(parts [][]byte) error {
	if d.plain != nil {
		buffers := net.Buffers(parts)
		_, err := buffers.WriteTo(d.plain)
		return err
	}
	for _, part := range parts {
		if _, err := d.secure.Write(part); err != nil {
			return err
		}
	}
	return d.secure.Flush()
}

func (d *dialled) CheckCard(card wire.Card) *wire.HandshakeError {
	return checkCertificate(d.Conn, card)
}

// accepted is a connection that another process dialled.
type accepted struct {
	t    *Transport
	raw  *net.TCPConn
	conn net.Conn // raw, or TLS on it
	in   *bufio.Reader
}

func (a *accepted) In() *bufio.Reader { return a.in }

// Write is for a few words of a handshake; nothing else goes this way.
func (a *accepted) Write(parts [][]byte) error {
	for _, part := range parts {
		if _, err := a.conn.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func (a *accepted) SetDeadline(t time.Time) error { return a.raw.SetDeadline(t) }

func (a *accepted) CheckCard(card wire.Card) *wire.HandshakeError {
	return checkCertificate(a.conn, card)
}

func (a *accepted) Remote() string { return a.raw.RemoteAddr().String() }

func (a *accepted) Close() error { return a.raw.Close() }

// Open finds out what the other end speaks, and puts TLS on the connection if that is
// how members here speak.
func (a *accepted) Open(ctx context.Context) error {
	socket.GiveUp(a.raw, socket.Silence)
	return a.t.openStream(ctx, a)
}

const (
	farewellTime  = 500 * time.Millisecond
	farewellBytes = 256 << 10
)

// Farewell says something last. A socket that is closed while bytes wait to be read
// is reset, and the other end may lose what was said: so the rest is read first, for a
// moment.
func (a *accepted) Farewell(words []byte) {
	_ = a.raw.SetDeadline(time.Now().Add(farewellTime))
	if _, err := a.conn.Write(words); err != nil {
		return
	}
	if half, ok := a.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, a.raw, farewellBytes)
}

// checkCertificate says whether the certificate at the other end is that of the member
// that its owner says it is. Who was not asked for a certificate has none to be checked.
func checkCertificate(conn net.Conn, card wire.Card) *wire.HandshakeError {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	shown := secure.ConnectionState().PeerCertificates
	if len(shown) == 0 {
		return nil
	}
	if err := pki.CheckMember(shown[0], card.Name); err != nil {
		return socket.NotTheMember(card, err)
	}
	return nil
}
