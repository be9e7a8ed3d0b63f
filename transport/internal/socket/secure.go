package socket

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/balsaraft/balsa/wire"
)

// Secure puts TLS on a connection that this process dialled. Unless the configuration
// names a server, the certificate must name the host that was dialled.
func Secure(ctx context.Context, conn net.Conn, config *tls.Config, addr string) (*tls.Conn, error) {
	config = config.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, SecurityError(err)
	}
	return secure, nil
}

// SecurityError says why TLS could not be agreed on with who was dialled. What is not
// about TLS stays as it is.
func SecurityError(err error) error {
	bad := &wire.HandshakeError{What: wire.DifferentSecurity, Ours: "TLS", Dialled: true}
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &record) && binary.LittleEndian.Uint32(record.RecordHeader[:]) == wire.FrameMagic:
		bad.Theirs, bad.Text = "none", "the other member was started without TLS"
	case errors.As(err, &record):
		bad.Theirs, bad.Text = "none", fmt.Sprintf("what answers starts with %q", record.RecordHeader[:])
	case errors.As(err, &verify):
		bad.Theirs, bad.Text = "a certificate that is not trusted here", verify.Err.Error()
	case IsAlert(err):
		bad.Theirs, bad.Text = "TLS that refuses ours", err.Error()+"; the log of the member there says why"
	default:
		return fmt.Errorf("agree on TLS: %w", err)
	}
	return bad
}

// IsAlert says whether the other end ended TLS with a reason.
func IsAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// NotTheMember is the end of a handshake with who shows another member's certificate, or
// one that was made for something else, as for a caller, and must not speak for a
// member: bad says which.
func NotTheMember(card wire.Card, bad error) *wire.HandshakeError {
	return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: "a certificate that names the member", Theirs: bad.Error(),
		Text: fmt.Sprintf("member %q says that it listens at %s", card.Name, card.Addr)}
}
