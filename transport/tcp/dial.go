package tcp

import (
	"bufio"
	"context"
	"errors"
	"time"

	"github.com/balsaraft/balsa/transport/internal/socket"
	"github.com/balsaraft/balsa/transport/internal/stream"
)

// carrier is what TCP adds to a stream.Hub.
type carrier struct{ opts Options }

// Dial connects, and agrees on TLS if the options ask for it.
func (c carrier) Dial(ctx context.Context, addr string) (stream.Conn, error) {
	tcp, err := socket.Dial(ctx, addr, c.opts.DialTimeout)
	if err != nil {
		return nil, err
	}
	if c.opts.TLS == nil {
		return &dialled{Conn: tcp, plain: tcp, in: bufio.NewReader(tcp)}, nil
	}
	if err := tcp.SetDeadline(time.Now().Add(c.opts.HandshakeTimeout)); err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	secure, err := socket.Secure(ctx, tcp, c.opts.TLS, addr)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return &dialled{Conn: secure, secure: bufio.NewWriterSize(secure, readBuffer), in: bufio.NewReader(secure)}, nil
}

// Left: a process that ends says nothing.
func (carrier) Left(error) bool { return false }

// Gone says whether that machine runs, and nobody listens there.
func (carrier) Gone(err error) bool { return errors.Is(err, socket.ErrRefused) }

func (carrier) BrokeOff(err error) bool { return socket.BrokeOff(err) }

// Explain is about the first words on a connection: with TLS 1.3 the refusal of a
// certificate comes only then.
func (c carrier) Explain(err error) error {
	if c.opts.TLS != nil && socket.IsAlert(err) {
		return socket.SecurityError(err)
	}
	return err
}
