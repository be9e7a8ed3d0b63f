package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"
)

// ErrUntrusted says that TLS came to nothing: the client does not trust the members'
// certificates, they do not trust its own or ask for one, or one side does not speak TLS.
// It has words of its own under it. No retry would mend it, so that it is told as soon as
// no address is left of which it is not known.
var ErrUntrusted = errors.New("the caller and the members do not trust each other")

// untrustedError is an ErrUntrusted with its reason.
type untrustedError struct{ reason error }

func (e *untrustedError) Error() string        { return e.reason.Error() }
func (e *untrustedError) Unwrap() error        { return e.reason }
func (e *untrustedError) Is(target error) bool { return target == ErrUntrusted }

// refusals are what the other end of a TLS connection says of certificates, as alerts
// (RFC 8446 §6.2); the first two are of a port that speaks something else.
var refusals = []string{
	"tls: first record does not look like a TLS handshake",
	"server gave HTTP response to HTTPS client",
	"remote error: tls: bad certificate",
	"remote error: tls: unsupported certificate",
	"remote error: tls: revoked certificate",
	"remote error: tls: expired certificate",
	"remote error: tls: unknown certificate",
	"remote error: tls: unknown certificate authority",
	"remote error: tls: access denied",
	"remote error: tls: certificate required",
}

// untrusted says whether an error is that one end does not trust the other.
func untrusted(err error) bool {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return true
	}
	for _, alert := range refusals {
		if strings.Contains(err.Error(), alert) {
			return true
		}
	}
	return false
}

// hungUp says whether an error is that the other end hung up.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "http2: client conn")
}

// probing is how long a member may take to say why it hangs up.
const probing = time.Second

// whyRefused is the failure of an attempt, with the reason that TLS has for it if that is
// what failed. A member says only after the handshake what it thinks of the caller's
// certificate (RFC 8446 §4.4.2), and HTTP/2 keeps that to itself: then it is asked once more.
func (x *target) whyRefused(ctx context.Context, f finding) finding {
	switch {
	case !f.network:
		return f
	case untrusted(f.reason):
		f.sure = true // no connection came about
	case x.secure == nil && badRequest(f.reason) && x.speaksTLS(ctx):
		f.reason = fmt.Errorf("%w: This port speaks TLS", f.reason)
		f.sure = true // what came was no request there
	case x.secure == nil || !hungUp(f.reason):
		return f
	default:
		reason := x.probe(ctx)
		if reason == nil || !untrusted(reason) {
			return f
		}
		f.reason = fmt.Errorf("%w: %w", f.reason, reason)
	}
	f.untrusted, f.reason = true, &untrustedError{f.reason}
	return f
}

// badRequest says whether an answer is that of a port that did not understand HTTP.
func badRequest(err error) bool {
	return connect.CodeOf(err) == connect.CodeInternal && strings.Contains(err.Error(), "400 Bad Request")
}

// speaksTLS says whether a port that was spoken to in the clear would rather have TLS.
// Nothing but a greeting is sent, so that it does not matter who is there.
func (x *target) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probing)
	defer cancel()
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", x.at)
	if err == nil {
		conn.Close()
		return true
	}
	return strings.Contains(err.Error(), "remote error: tls: ")
}

// probe is why a member hangs up, nil if it does not.
func (x *target) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probing)
	defer cancel()
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{}, Config: x.secure}).DialContext(ctx, "tcp", x.at)
	if err != nil {
		return err
	}
	defer conn.Close()
	until, _ := ctx.Deadline()
	conn.SetDeadline(until)
	fmt.Fprint(conn, "HEAD / HTTP/1.0\r\n\r\n")
	_, err = conn.Read(make([]byte, 1))
	return err
}
