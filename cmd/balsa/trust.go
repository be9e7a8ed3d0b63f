package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// trust is how a caller knows members whose addresses begin with https://, and shows them
// who it is.
type trust struct {
	CA   string `name:"ca" help:"Certificate of the authority that signed those that members show to callers; PEM. Default: the system's authorities." type:"path" placeholder:"FILE"`
	Cert string `help:"Certificate that says to members who calls; PEM." type:"path" placeholder:"FILE"`
	Key  string `help:"Private key of --cert; PEM." type:"path" placeholder:"FILE"`
}

// config is nil if nothing was given.
func (t trust) config() (*tls.Config, error) {
	if t == (trust{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, fmt.Errorf("%w: --cert and --key belong together; give both", errUsage)
	}
	if t.Cert != "" {
		own, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		// Shown whatever authorities a member names: it says best itself why it refuses it.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return c, nil
}

// client asks members over HTTP.
func (t trust) client() (*http.Client, error) {
	secure, err := t.config()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = secure
	// Over HTTP/2 it would not hear why a member hangs up that refuses its certificate.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return &http.Client{Transport: transport}, nil
}

// withScheme is an address as a URL.
func withScheme(server, scheme string) string {
	if strings.Contains(server, "://") {
		return server
	}
	return scheme + "://" + server
}

// tlsAdvices say what to do about what a member's TLS answers, which comes as an alert
// (RFC 8446 §6.2) and has no more words.
var tlsAdvices = []struct{ says, next string }{
	{"tls: certificate required", "The members ask callers for certificates: give --cert and --key."},
	{"tls: expired certificate", "The certificate of --cert has expired: have another one made, as balsa certs does."},
	{"tls: bad certificate", "The members refuse the certificate of --cert: it was revoked, or is a member's and not a caller's. Their logs say why."},
	{"tls: unknown certificate authority", "The members do not trust the authority that signed the certificate of --cert. See their --client-tls-ca."},
	{"x509: certificate signed by unknown authority", "The member's certificate is not of an authority that is trusted here: give --ca the one of the cluster, and check that it is the member that you mean."},
	{"server gave HTTP response to HTTPS client", "The member speaks without TLS: give its address with http://, or start it with --client-tls-cert."},
	{"This port speaks TLS", "Give the member's address with https://, and --ca."},
}

func tlsAdvice(err error) string {
	for _, a := range tlsAdvices {
		if strings.Contains(err.Error(), a.says) {
			return a.next
		}
	}
	return ""
}
