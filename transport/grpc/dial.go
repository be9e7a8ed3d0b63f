package grpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/pki"
	"github.com/balsaraft/balsa/transport/internal/socket"
	"github.com/balsaraft/balsa/transport/internal/stream"
	"github.com/balsaraft/balsa/wire"
)

// carrier is what HTTP/2 adds to a stream.Hub.
type carrier struct{ opts Options }

// Left: a process that ends says nothing.
func (carrier) Left(error) bool { return false }

// Gone says whether that machine runs, and nobody listens there, or the server there says
// that its member was closed.
func (carrier) Gone(err error) bool {
	return errors.Is(err, socket.ErrRefused) || errors.Is(err, errGone)
}

func (carrier) BrokeOff(err error) bool {
	var ended *endedError
	return errors.As(err, &ended) || socket.BrokeOff(err)
}

func (carrier) Explain(err error) error { return err }

// Dial connects, and starts a call, which is answered at once by a server that knows it.
func (c carrier) Dial(ctx context.Context, addr string) (stream.Conn, error) {
	tcp, err := socket.Dial(ctx, addr, c.opts.DialTimeout)
	if err != nil {
		return nil, err
	}
	d := &dialled{tcp: tcp, out: newWriting()}
	d.ctx, d.cancel = context.WithCancelCause(context.Background())
	defer context.AfterFunc(ctx, func() { d.Close() })()
	if err := d.open(ctx, c.opts, addr); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// dialled is a call that this process made.
type dialled struct {
	tcp    net.Conn  // it carries this call alone
	secure *tls.Conn // nil without TLS
	call   *http.Response
	in     *bufio.Reader
	out    *writing

	ctx    context.Context // the call's, with the reason for its end
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer // of the deadline, if there is one
}

// Pings find out whether the server answers, as keep-alives of TCP ask only the next
// machine, which may be a proxy.
var pings = &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: socket.Silence - 2*time.Second}

func (d *dialled) open(ctx context.Context, opts Options, addr string) error {
	if err := d.SetDeadline(time.Now().Add(opts.HandshakeTimeout)); err != nil {
		return err
	}
	scheme := "http"
	transport := &http.Transport{HTTP2: pings, Protocols: new(http.Protocols), DisableCompression: true}
	transport.Protocols.SetUnencryptedHTTP2(true)
	if opts.TLS != nil {
		scheme = "https"
		transport.Protocols.SetHTTP2(true)
		if err := d.agreeOnTLS(ctx, opts.TLS, addr); err != nil {
			return err
		}
	}
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return d.tcp, nil }
	transport.DialTLSContext = func(context.Context, string, string) (net.Conn, error) { return d.secure, nil }
	client, err := transport.NewClientConn(d.ctx, scheme, addr)
	if err != nil {
		return d.why(err, addr)
	}
	where := scheme + "://" + addr + opts.Prefix + method
	request, err := http.NewRequestWithContext(d.ctx, http.MethodPost, where, d.out)
	if err != nil {
		return err
	}
	request.Header = http.Header{"Content-Type": {contentType}, "Te": {"trailers"}, "User-Agent": {"balsa"}}
	if opts.Sign != nil {
		opts.Sign(request)
	}
	if d.call, err = client.RoundTrip(request); err != nil {
		return d.why(err, addr)
	}
	if err := unexpected(d.call, where); err != nil {
		return err
	}
	if err := denied(d.call.Header, where); err != nil {
		return err
	}
	d.in = newReading(&answer{d, where}, wire.MaxHandshake)
	return nil
}

func (d *dialled) agreeOnTLS(ctx context.Context, config *tls.Config, addr string) error {
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	secure, err := socket.Secure(ctx, d.tcp, config, addr)
	if err != nil {
		return err
	}
	d.secure = secure
	if secure.ConnectionState().NegotiatedProtocol != "h2" {
		return noMember(addr, "it does not speak HTTP/2 over TLS")
	}
	return nil
}

// why puts an error of HTTP/2 into words. With TLS 1.3 the refusal of a certificate comes
// only with the first answer.
func (d *dialled) why(err error, addr string) error {
	err = d.cause(err)
	switch {
	case err == errLate:
		return fmt.Errorf("call %s: %w", addr, err)
	case d.secure != nil && socket.IsAlert(err):
		return socket.SecurityError(err)
	case strings.Contains(err.Error(), "HTTP/1."):
		return noMember(addr, "it does not speak HTTP/2 without TLS: "+err.Error())
	}
	return &endedError{fmt.Errorf("call %s: %w", addr, err)}
}

// cause is why this end ended the call, if it did.
func (d *dialled) cause(err error) error {
	if reason := context.Cause(d.ctx); reason != nil {
		return reason
	}
	return err
}

func (d *dialled) In() *bufio.Reader { return d.in }

func (d *dialled) Write(parts [][]byte) error {
	if err := d.out.Write(parts); err != nil {
		return &endedError{err}
	}
	return nil
}

// errLate ends a call that was not done by its deadline.
var errLate error = lateError{}

type lateError struct{}

func (lateError) Error() string { return "no answer in time" }

// Timeout and Temporary make it a net.Error.
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

// SetDeadline ends the call if it is late.
func (d *dialled) SetDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() { d.end(errLate) })
	}
	return d.ctx.Err()
}

// CheckCard looks at the server's certificate.
func (d *dialled) CheckCard(card wire.Card) *wire.HandshakeError {
	if d.secure == nil {
		return nil
	}
	if err := pki.CheckMember(d.secure.ConnectionState().PeerCertificates[0], card.Name); err != nil {
		return socket.NotTheMember(card, err)
	}
	return nil
}

func (d *dialled) Close() error { return d.end(context.Canceled) }

// end ends the call and its connection.
func (d *dialled) end(reason error) error {
	d.cancel(reason)
	_ = d.SetDeadline(time.Time{})
	d.out.Close()
	return d.tcp.Close()
}

// answer is what the server says in a call.
type answer struct {
	d     *dialled
	where string
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.d.call.Body.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		if bad := denied(a.d.call.Trailer, a.where); bad != nil {
			return n, bad
		}
		return n, io.EOF
	}
	if err = a.d.cause(err); err == errLate {
		return n, err // it may be alive, and slow
	}
	return n, &endedError{err}
}
