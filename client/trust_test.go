package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/internal/certs"
)

// What no retry mends is told while there is time left, whatever was asked.
func TestWhoIsNotTrustedHearsOfItAtOnce(t *testing.T) {
	authority, other := certs.New(t), certs.New(t)
	c := prepare(t, "a", "b", "c", "d")
	for _, name := range c.names() {
		c.open(name, revoking(certs.Mutual(authority.Member(name)), "mallory"))
	}
	c.leader()
	withoutCertificate := authority.Caller("x")
	withoutCertificate.Certificates = nil
	signedByOther := other.Caller("x")
	signedByOther.RootCAs = withoutCertificate.RootCAs
	for name, cfg := range map[string]*tls.Config{
		"the caller trusts another authority":       other.Caller("x"),
		"the members trust another authority":       signedByOther,
		"the caller has no certificate":             withoutCertificate,
		"the caller's certificate is for servers":   authority.Config(&x509.Certificate{Subject: pkix.Name{CommonName: "x"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}),
		"the caller's certificate has expired":      authority.Ended().Caller("x"),
		"the caller's certificate was revoked":      authority.Caller("mallory"),
		"the caller wants a member of another name": named(authority.Caller("x"), "elsewhere"),
	} {
		t.Run(name, func(t *testing.T) {
			client := c.dialWith(Config{Addrs: c.addrs(), TLS: cfg})
			for what, ask := range map[string]func() error{
				"propose": func() error { _, err := client.Propose(c.ctx, 1); return err },
				"query":   func() error { _, err := client.Query(c.ctx, nil); return err },
				"ready":   func() error { return client.Ready(c.ctx) },
			} {
				err := ask()
				is(t, what, err, ErrUntrusted, balsa.ErrNotCommitted)
				if errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: it was tried until the time was over: %v", what, err)
				}
			}
			for _, err := range client.Committed(c.ctx, 1) {
				if !errors.Is(err, ErrUntrusted) {
					t.Errorf("watch: %v", err)
				}
			}
		})
	}
	if got := c.applied(); len(got) != 0 {
		t.Errorf("%v was applied", got)
	}
}

// revoking makes members refuse one caller, as they do who find the certificate in a list.
func revoking(cfg *tls.Config, caller string) *tls.Config {
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if s.PeerCertificates[0].Subject.CommonName == caller {
			return errors.New("it was revoked")
		}
		return nil
	}
	return cfg
}

func TestAMemberWhoseCertificateHasExpiredIsNotTrusted(t *testing.T) {
	authority := certs.New(t)
	c := prepare(t, "a")
	c.open("a", authority.Ended().Member("a"))
	c.leader()
	_, err := c.dialWith(Config{Addrs: c.addrs(), TLS: authority.Caller("x")}).Propose(c.ctx, 1)
	is(t, "propose", err, ErrUntrusted, balsa.ErrNotCommitted)
	if errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("it says %v", err)
	}
}

func named(cfg *tls.Config, server string) *tls.Config {
	cfg.ServerName = server
	return cfg
}

func TestAMemberWithoutTLSIsNotTrusted(t *testing.T) {
	c := found(t, "a")
	_, err := c.dialWith(Config{Addrs: c.addrs(), TLS: certs.New(t).Caller("x")}).Propose(c.ctx, 1)
	is(t, "propose", err, ErrUntrusted, balsa.ErrNotCommitted)
}

func TestAMemberThatSpeaksTLSIsNotAskedInTheClear(t *testing.T) {
	c := prepare(t, "a")
	c.open("a", certs.New(t).Member("a"))
	c.leader()
	_, err := c.dialWith(Config{Addrs: []string{"http://" + c.addrs()[0]}}).Propose(c.ctx, 1)
	is(t, "propose", err, ErrUntrusted, balsa.ErrNotCommitted)
}

// One member that is set up wrongly does not keep callers from the others.
func TestOthersAreAskedWhereOneIsNotTrusted(t *testing.T) {
	authority := certs.New(t)
	c := prepare(t, "a", "b", "c")
	c.open("a", certs.Mutual(authority.Member("a")))
	c.open("b", certs.Mutual(authority.Member("b")))
	c.open("c", certs.Mutual(certs.New(t).Member("c")))
	c.leader()
	client := c.dialWith(Config{Addrs: c.addrs(), TLS: authority.Caller("x")})
	for want := range 5 {
		if got, err := client.Propose(c.ctx, 1); err != nil || got != want+1 {
			t.Fatalf("%d, %v; want %d", got, err, want+1)
		}
	}
}
