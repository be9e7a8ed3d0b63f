package main

import (
	"fmt"

	"github.com/balsaraft/balsa/pki"
)

// tlsOptions is mutual TLS between members: each shows a certificate that names it, and
// trusts those of one authority.
type tlsOptions struct {
	Cert string `help:"Certificate of this member, which names it and its host; PEM. With --tls-key and --tls-ca, members talk over mutual TLS. balsa certs makes all of them; they are read again when they change, and at SIGHUP." placeholder:"FILE"`
	Key  string `help:"Private key of the certificate; PEM." placeholder:"FILE"`
	CA   string `help:"Certificate of the authority that signed all members' certificates; PEM." placeholder:"FILE"`
	CRL  string `help:"Certificates that the authority has revoked; PEM." placeholder:"FILE"`
}

// keeper is nil if TLS was not asked for.
func (o tlsOptions) keeper(name string) (*pki.Keeper, error) {
	if o == (tlsOptions{}) {
		return nil, nil
	}
	if o.Cert == "" || o.Key == "" || o.CA == "" {
		return nil, fmt.Errorf("%w: --tls-cert, --tls-key and --tls-ca belong together; give all three", errUsage)
	}
	k, err := pki.ForMember(name, pki.Files(o))
	if err != nil {
		return nil, fmt.Errorf("load --tls-cert, --tls-key, --tls-ca and --tls-crl: %w", err)
	}
	return k, nil
}

// clientTLSOptions is TLS between callers and this member.
type clientTLSOptions struct {
	Cert string `help:"Certificate for callers, which names this member's host; PEM. With --client-tls-key, --http and --redis speak TLS alone." placeholder:"FILE"`
	Key  string `help:"Private key of that certificate; PEM." placeholder:"FILE"`
	CA   string `help:"Certificate of the authority that signed callers' certificates; PEM. Callers must show one then; with --access it stands for a token, and who shows none brings a token." placeholder:"FILE"`
	CRL  string `help:"Callers' certificates that the authority has revoked; PEM. Default: that of --tls-crl, where --client-tls-ca is --tls-ca." placeholder:"FILE"`
}

// keeper is nil if TLS was not asked for.
func (o clientTLSOptions) keeper(known bool, members tlsOptions) (*pki.Keeper, error) {
	switch {
	case o == clientTLSOptions{}:
		return nil, nil
	case o.Cert == "" || o.Key == "":
		return nil, fmt.Errorf("%w: --client-tls-cert and --client-tls-key belong together, and --client-tls-ca needs them; give both", errUsage)
	case o.CA == "" && o.CRL != "":
		return nil, fmt.Errorf("%w: --client-tls-crl is about certificates of --client-tls-ca; give that, too", errUsage)
	case o.CA != "" && o.CA == members.CA && o.CRL == "":
		o.CRL = members.CRL
	}
	// Where callers are known by tokens, whoever shows no certificate brings a token.
	k, err := pki.ForCallers(!known, pki.Files(o))
	if err != nil {
		return nil, fmt.Errorf("load --client-tls-cert, --client-tls-key, --client-tls-ca and --client-tls-crl: %w", err)
	}
	return k, nil
}
