package pki

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// material is what one reading of the files has shown. Nobody changes it.
type material struct {
	sum         [sha256.Size]byte
	own         tls.Certificate
	authorities []*x509.Certificate
	pool        *x509.CertPool
	revoked     *revocations // nil without a list
	server      *tls.Config  // for connections that are accepted
}

// parse refuses what the other ends would refuse: who starts or replaces a certificate is
// still looking then.
func (k *Keeper) parse(t texts) (*material, error) {
	m := &material{sum: t.sum(), pool: x509.NewCertPool()}
	var err error
	if m.own, err = tls.X509KeyPair(t.cert, t.key); err != nil {
		return nil, fmt.Errorf("%s with its key %s: %w", k.files.Cert, k.files.Key, err)
	}
	if k.files.CA != "" {
		if m.authorities, err = parseAuthorities(t.ca); err != nil {
			return nil, fmt.Errorf("%s: %w", k.files.CA, err)
		}
	}
	for _, a := range m.authorities {
		m.pool.AddCert(a)
	}
	if k.files.CRL != "" {
		if m.revoked, err = parseRevocations(t.crl, m.authorities); err != nil {
			return nil, fmt.Errorf("%s: %w", k.files.CRL, err)
		}
	}
	if err := k.checkOwn(m); err != nil {
		return nil, fmt.Errorf("%s: %w", k.files.Cert, err)
	}
	m.server = k.serverConfig(m)
	return m, nil
}

func parseAuthorities(text []byte) (all []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a %s; it takes certificates of authorities", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if !c.IsCA {
			return nil, fmt.Errorf("the certificate for %s is no authority's", describe(c))
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return all, nil
}

func (k *Keeper) checkOwn(m *material) error {
	leaf := m.own.Leaf
	now := time.Now()
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate of %s expired on %s; make another", describe(leaf), leaf.NotAfter.UTC().Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate of %s is not valid before %s; is the clock right?", describe(leaf), leaf.NotBefore.UTC().Format(time.DateTime))
	}
	if !k.members {
		return nil // callers judge it, by authorities of theirs
	}
	if err := CheckMember(leaf, k.name); err != nil {
		return err
	}
	_, err := m.verify(m.own.Leaf, between(m.own), x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

// between are the certificates between one's own and the authority.
func between(own tls.Certificate) (all []*x509.Certificate) {
	for _, der := range own.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all
}

func (m *material) verify(leaf *x509.Certificate, between []*x509.Certificate, o x509.VerifyOptions) ([][]*x509.Certificate, error) {
	o.Roots, o.Intermediates = m.pool, x509.NewCertPool()
	for _, c := range between {
		o.Intermediates.AddCert(c)
	}
	return leaf.Verify(o)
}

// verifyServer is what a member asks of a member that it dials.
func (m *material) verifyServer(s tls.ConnectionState) error {
	chains, err := m.verify(s.PeerCertificates[0], s.PeerCertificates[1:], x509.VerifyOptions{DNSName: s.ServerName})
	if err == nil {
		err = m.revoked.checkAll(chains)
	}
	if err == nil {
		err = CheckMember(s.PeerCertificates[0], "")
	}
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// serverConfig is for connections that are accepted. Nothing in it changes, so that
// tickets by which clients come back die with the material they were given under.
func (k *Keeper) serverConfig(m *material) *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{m.own},
		ClientAuth:   k.clients,
		ClientCAs:    m.pool,
		MinVersion:   tls.VersionTLS13,
	}
	if k.members {
		// That it is a member's is asked once the other end has said which: it is told why
		// not in words then, which TLS has none for.
		c.VerifyConnection = func(s tls.ConnectionState) error { return m.revoked.checkAll(s.VerifiedChains) }
		return c
	}
	c.MinVersion = tls.VersionTLS12 // for callers, whatever they are written in
	c.NextProtos = []string{"h2", "http/1.1"}
	c.VerifyConnection = m.verifyCaller
	return c
}

// verifyCaller is what a member asks of a caller that shows a certificate.
func (m *material) verifyCaller(s tls.ConnectionState) error {
	if len(s.VerifiedChains) == 0 {
		return nil // it showed none, and needs none
	}
	if err := m.revoked.checkAll(s.VerifiedChains); err != nil {
		return err
	}
	subject, err := SubjectOf(s.VerifiedChains[0][0])
	if err == nil && subject.Role == Member {
		err = fmt.Errorf("a certificate of %s, which is for being a member, not for calling one; make one with: balsa certs --callers NAME", subject)
	}
	return err
}

// soon is how long before a certificate's end its owner is told.
const soon = 14 * 24 * time.Hour

// Warnings are what the owner should look after.
func (k *Keeper) Warnings() (all []string) {
	m, now := k.current.Load(), time.Now()
	leaf := m.own.Leaf
	if err := m.revoked.check([]*x509.Certificate{leaf}); err != nil {
		all = append(all, fmt.Sprintf("others refuse this member: %s: %v", k.files.Cert, err))
	}
	if left := leaf.NotAfter.Sub(now); left < min(soon, leaf.NotAfter.Sub(leaf.NotBefore)/4) {
		all = append(all, fmt.Sprintf("%s expires on %s; nobody can connect with it then", k.files.Cert, leaf.NotAfter.UTC().Format(time.DateTime)))
	}
	if m.revoked != nil && !m.revoked.next.IsZero() && now.After(m.revoked.next) {
		all = append(all, fmt.Sprintf("%s is out of date: a newer list of revoked certificates was due on %s; this one goes on to be used", k.files.CRL, m.revoked.next.UTC().Format(time.DateTime)))
	}
	return all
}
