package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// tlsOptions is mutual TLS between members: each shows a certificate that names it, and
// trusts those of one authority.
type tlsOptions struct {
	Cert string `help:"Certificate of this member, which names its host; PEM. With --tls-key and --tls-ca, members talk over mutual TLS." placeholder:"FILE"`
	Key  string `help:"Private key of the certificate; PEM." placeholder:"FILE"`
	CA   string `help:"Certificate of the authority that signed all members' certificates; PEM." placeholder:"FILE"`
}

// config is nil if TLS was not asked for.
func (o tlsOptions) config() (*tls.Config, error) {
	if o == (tlsOptions{}) {
		return nil, nil
	}
	if o.Cert == "" || o.Key == "" || o.CA == "" {
		return nil, fmt.Errorf("%w: --tls-cert, --tls-key and --tls-ca belong together; give all three", errUsage)
	}
	own, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return nil, fmt.Errorf("load --tls-cert and --tls-key: %w", err)
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("load --tls-ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("load --tls-ca: %s holds no certificate in PEM", o.CA)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		RootCAs:      roots,
		ClientCAs:    roots,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		MinVersion:   tls.VersionTLS13,
	}, nil
}
