package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"
)

// Standing says why a connection whose certificate was good when it was made would be
// refused now: the certificate was revoked meanwhile, has expired, or nobody trusts its
// authority any more. It is nil for who showed no certificate. Signatures are not
// checked once more, so that thousands of connections may be asked every few seconds.
func (k *Keeper) Standing(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return nil
	}
	m := k.current.Load()
	if err := m.revoked.check(s.PeerCertificates); err != nil {
		return err
	}
	if leaf := s.PeerCertificates[0]; time.Now().After(leaf.NotAfter) {
		return fmt.Errorf("the certificate of %s expired on %s", describe(leaf), leaf.NotAfter.UTC().Format(time.DateTime))
	}
	if !m.trusts(s.PeerCertificates) {
		return fmt.Errorf("the certificate of %s is of an authority that is not trusted here any more", describe(s.PeerCertificates[0]))
	}
	return nil
}

// trusts says whether one of the authorities is named as the issuer in a chain that was
// verified when it was shown.
func (m *material) trusts(chain []*x509.Certificate) bool {
	for _, c := range chain {
		for _, a := range m.authorities {
			if bytes.Equal(c.RawIssuer, a.RawSubject) {
				return true
			}
		}
	}
	return false
}
