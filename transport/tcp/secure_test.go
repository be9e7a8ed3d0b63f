package tcp_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/transport/internal/trial"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

func TestConformsUnderMutualTLS(t *testing.T) {
	authority := certs.New(t)
	var names []string
	for id := range wire.MemberID(16) {
		names = append(names, "m"+id.String())
	}
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		config := certs.Mutual(authority.Member(names...))
		return func(t *testing.T, addr string) balsatest.Transport { return open(t, addr, tcp.Options{TLS: config}) }
	})
}

// TestWithoutTrustThereIsNoConnection: member 2 dials member 1.
func TestWithoutTrustThereIsNoConnection(t *testing.T) {
	authority, others := certs.New(t), certs.New(t)
	forClients := func() *tls.Config {
		return authority.Config(&x509.Certificate{Subject: pkix.Name{CommonName: "some application"}, DNSNames: []string{"app"}})
	}
	mixed := authority.Member("m2")
	mixed.Certificates = others.Member("m2").Certificates
	bare := authority.Member("m2")
	bare.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	elsewhere := authority.Config(&x509.Certificate{DNSNames: []string{"m1", "elsewhere"}})
	for name, c := range map[string]struct {
		dialler, dialled *tls.Config
		says             string // to who dialled
		hears            string // who was dialled
	}{
		"another authority's server":  {authority.Member("m2"), others.Member("m1"), "theirs is a certificate that is not trusted here", ""},
		"a server elsewhere":          {authority.Member("m2"), elsewhere, "theirs is a certificate that is not trusted here", ""},
		"another authority's dialler": {mixed, certs.Mutual(authority.Member("m1")), "theirs is TLS that refuses ours", ""},
		"a dialler without one":       {bare, certs.Mutual(authority.Member("m1")), "theirs is TLS that refuses ours", ""},
		"a site's, not a member's":    {forClients(), certs.Mutual(authority.Member("m1")), "ours is a certificate for app, which must not speak for member m2", "theirs is a certificate for app"},
		"a caller of its name":        {authority.Caller("m2"), certs.Mutual(authority.Member("m1")), "a certificate of caller m2, which is for calling members", "theirs is a certificate of caller m2"},
		"another member's":            {authority.Member("m3"), certs.Mutual(authority.Member("m1")), "a certificate for m3, 127.0.0.1, which must not speak for member m2", "must not speak for member m2"},
		"another member's server":     {authority.Member("m2"), certs.Mutual(authority.Member("m3")), "theirs is a certificate for m3, 127.0.0.1, which must not speak for member m1", ""},
		"a caller as the server":      {authority.Member("m2"), authority.Caller("m1"), "theirs is a certificate of caller m1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var l trial.Log
			a, b := openAs(t, 2, tcp.Options{TLS: c.dialler}), openAs(t, 1, tcp.Options{TLS: c.dialled, Logger: l.Logger()})
			a.Connect([]wire.Peer{{ID: 1, Addr: b.Addr()}})
			if err := trial.AwaitRefusal(t, a, wire.DifferentSecurity); !strings.Contains(err.Error(), c.says) {
				t.Errorf("who dialled hears %q", err)
			}
			switch {
			case c.hears == "" && !strings.Contains(c.says, "must not speak") && !strings.Contains(c.says, "caller"):
				l.Await(t, "agree on TLS")
				return
			case c.hears == "":
				return // both agreed on TLS, and who dialled changed its mind
			}
			if err := trial.AwaitRefusal(t, b, wire.DifferentSecurity); !strings.Contains(err.Error(), c.hears) {
				t.Errorf("who was dialled hears %q", err)
			}
		})
	}
}

func TestAConfigurationWithoutCertificateIsRefused(t *testing.T) {
	if _, err := tcp.Listen("127.0.0.1:0", tcp.Options{TLS: &tls.Config{}}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v", err)
	}
}
