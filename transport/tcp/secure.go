package tcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/balsaraft/balsa/wire"
)

// secureDialled puts TLS on a connection that this process dialled. Unless the options
// name a server, the certificate must name the host that was dialled.
func (t *Transport) secureDialled(ctx context.Context, c *outgoing, addr string) error {
	config := t.opts.TLS.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		config.ServerName = host
	}
	secure := tls.Client(c.plain, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return securityError(err)
	}
	c.Conn, c.plain, c.secure = secure, nil, bufio.NewWriterSize(secure, readBuffer)
	return nil
}

// securityError says why TLS could not be agreed on with who was dialled. What is not
// about TLS stays as it is.
func securityError(err error) error {
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
	case isAlert(err):
		bad.Theirs, bad.Text = "TLS that refuses ours", err.Error()
	default:
		return fmt.Errorf("agree on TLS: %w", err)
	}
	return bad
}

// isAlert says whether the other end ended TLS with a reason.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// unsecured is an error of the first words on a connection: with TLS 1.3 the refusal of
// a certificate comes only then.
func (t *Transport) unsecured(err error) error {
	if t.opts.TLS != nil && isAlert(err) {
		return securityError(err)
	}
	return hungUp(err)
}

// checkCertificate says whether a certificate that was asked for is that of the member
// that its owner claims to be: a certificate of the right authority that was made for
// something else, as for a client, must not speak for a member. Without client
// certificates there is nothing to check.
func (t *Transport) checkCertificate(conn net.Conn, card wire.Card) *wire.HandshakeError {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	claims := []string{card.Name, hostOf(card.Addr), hostOf(conn.RemoteAddr().String()), t.opts.TLS.ServerName}
	for _, claim := range claims {
		if claim != "" && leaf.VerifyHostname(claim) == nil {
			return nil
		}
	}
	return &wire.HandshakeError{What: wire.DifferentSecurity, Ours: "a certificate that names the member",
		Theirs: "one for " + namesIn(leaf), Text: fmt.Sprintf("member %q says that it listens at %s", card.Name, card.Addr)}
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return host
}

func namesIn(leaf *x509.Certificate) string {
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return leaf.Subject.String() + ", without a name or address"
	}
	return strings.Join(names, ", ")
}
