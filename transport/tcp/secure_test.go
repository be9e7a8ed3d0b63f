package tcp_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/internal/certs"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

func TestConformsUnderMutualTLS(t *testing.T) {
	authority := certs.New(t)
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		config := certs.Mutual(authority.Member("any"))
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
	for name, c := range map[string]struct {
		dialler, dialled *tls.Config
		says             string
	}{
		"another authority's server":  {authority.Member("m2"), others.Member("m1"), "theirs is a certificate that is not trusted here"},
		"a server of another name":    {authority.Member("m2"), forClients(), "theirs is a certificate that is not trusted here"},
		"another authority's dialler": {mixed, certs.Mutual(authority.Member("m1")), "theirs is TLS that refuses ours"},
		"a dialler without one":       {bare, certs.Mutual(authority.Member("m1")), "theirs is TLS that refuses ours"},
		"a client's, not a member's":  {forClients(), certs.Mutual(authority.Member("m1")), "theirs is a certificate that names the member"},
	} {
		t.Run(name, func(t *testing.T) {
			var l log
			a, b := openAs(t, 2, tcp.Options{TLS: c.dialler}), openAs(t, 1, tcp.Options{TLS: c.dialled, Logger: l.logger()})
			if strings.HasPrefix(name, "a client's") {
				// It claims to listen where it does not, and comes from an address that
				// its certificate does not name.
				a.Introduce(wire.Card{Cluster: cluster, ID: 2, Incarnation: 1, Name: "m2", Addr: "10.0.0.2:7000"})
			}
			a.Connect([]wire.Peer{{ID: 1, Addr: b.Addr()}})
			if err := awaitRefusal(t, a, wire.DifferentSecurity); !strings.Contains(err.Error(), c.says) {
				t.Errorf("who dialled hears %q", err)
			}
			if strings.HasPrefix(name, "a client's") {
				if err := awaitRefusal(t, b, wire.DifferentSecurity); !strings.Contains(err.Error(), "theirs is one for app") {
					t.Errorf("who was dialled hears %q", err)
				}
				return
			}
			l.await(t, "agree on TLS")
		})
	}
}

func TestAConfigurationWithoutCertificateIsRefused(t *testing.T) {
	if _, err := tcp.Listen("127.0.0.1:0", tcp.Options{TLS: &tls.Config{}}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v", err)
	}
}
