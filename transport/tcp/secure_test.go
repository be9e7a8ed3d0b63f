package tcp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/balsatest"
	"github.com/balsaraft/balsa/transport/tcp"
	"github.com/balsaraft/balsa/wire"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = a.sign(template)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed, key
}

// config is a configuration with a certificate, that trusts the authority.
func (a *authority) config(c *x509.Certificate) *tls.Config {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	cert, key := a.sign(c)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		RootCAs:      a.pool, ClientCAs: a.pool,
	}
}

// member is the configuration of a member on this machine.
func (a *authority) member(name string) *tls.Config {
	return a.config(&x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

// mutual asks for certificates from who dials, too.
func mutual(c *tls.Config) *tls.Config {
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c
}

func TestConformsUnderMutualTLS(t *testing.T) {
	certs := newAuthority(t)
	balsatest.TestTransport(t, func(*testing.T) balsatest.Listen {
		config := mutual(certs.member("any"))
		return func(t *testing.T, addr string) balsatest.Transport { return open(t, addr, tcp.Options{TLS: config}) }
	})
}

// TestWithoutTrustThereIsNoConnection: member 2 dials member 1.
func TestWithoutTrustThereIsNoConnection(t *testing.T) {
	certs, others := newAuthority(t), newAuthority(t)
	forClients := func() *tls.Config {
		return certs.config(&x509.Certificate{Subject: pkix.Name{CommonName: "some application"}, DNSNames: []string{"app"}})
	}
	mixed := certs.member("m2")
	mixed.Certificates = others.member("m2").Certificates
	bare := certs.member("m2")
	bare.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	for name, c := range map[string]struct {
		dialler, dialled *tls.Config
		says             string
	}{
		"another authority's server":  {certs.member("m2"), others.member("m1"), "theirs is a certificate that is not trusted here"},
		"a server of another name":    {certs.member("m2"), forClients(), "theirs is a certificate that is not trusted here"},
		"another authority's dialler": {mixed, mutual(certs.member("m1")), "theirs is TLS that refuses ours"},
		"a dialler without one":       {bare, mutual(certs.member("m1")), "theirs is TLS that refuses ours"},
		"a client's, not a member's":  {forClients(), mutual(certs.member("m1")), "theirs is a certificate that names the member"},
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
