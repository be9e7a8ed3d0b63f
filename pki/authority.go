package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// Authority signs certificates of a cluster. One goroutine owns it.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is a certificate and its key, in PEM.
type Pair struct{ Cert, Key []byte }

// skew is how far behind a clock may be that looks at a new certificate.
const skew = 5 * time.Minute

// NewAuthority makes an authority, good until a time.
func NewAuthority(name string, until time.Time) (*Authority, Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, Pair{}, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, // it signs no authorities
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	pair, err := sign(template, template, key, key)
	if err != nil {
		return nil, Pair{}, err
	}
	a, err := OpenAuthority(pair)
	return a, pair, err
}

// OpenAuthority is an authority that was made before.
func OpenAuthority(p Pair) (*Authority, error) {
	both, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, err
	}
	key, ok := both.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !both.Leaf.IsCA {
		return nil, errors.New("a certificate that is no authority's, or whose key is none of ECDSA")
	}
	return &Authority{both.Leaf, key}, nil
}

// Issue makes a certificate, good until a time. Members' are good for both ends of a
// connection, on hosts with these names and addresses; callers' are good for calling.
func (a *Authority) Issue(s Subject, hosts []string, until time.Time) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: s.Name}, URIs: []*url.URL{s.URI()}, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if until.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	if s.Role == Member {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, h)
			}
		}
	}
	return sign(template, a.cert, key, a.key)
}

func sign(c, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) (p Pair, err error) {
	c.NotBefore = time.Now().Add(-skew)
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return p, err
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		return p, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return p, err
	}
	return Pair{inPEM("CERTIFICATE", der), inPEM("PRIVATE KEY", private)}, nil
}

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Revoke signs a list of what the one before had, nil for none, and of more certificates;
// all in PEM. The list stays good for as long as the authority does: it is replaced when
// there is more to say, and not by the clock.
func (a *Authority) Revoke(before []byte, certs ...[]byte) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-skew), NextUpdate: a.cert.NotAfter}
	if before != nil {
		old, err := a.parseList(before)
		if err != nil {
			return nil, err
		}
		list.RevokedCertificateEntries = old.RevokedCertificateEntries
		list.Number.Add(old.Number, big.NewInt(1))
	}
	for _, text := range certs {
		c, err := ParseCertificate(text)
		if err != nil {
			return nil, err
		}
		if err := c.CheckSignatureFrom(a.cert); err != nil {
			return nil, fmt.Errorf("the certificate of %s is not of this authority: %w", describe(c), err)
		}
		if !isRevoked(list, c) {
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		return nil, err
	}
	return inPEM("X509 CRL", der), nil
}

// Revoked says whether a list, as Revoke makes it, has a certificate.
func (a *Authority) Revoked(list, cert []byte) (bool, error) {
	l, err := a.parseList(list)
	if err != nil {
		return false, err
	}
	c, err := ParseCertificate(cert)
	if err != nil {
		return false, err
	}
	return isRevoked(l, c), nil
}

func isRevoked(list *x509.RevocationList, c *x509.Certificate) bool {
	for _, e := range list.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
			return true
		}
	}
	return false
}

func (a *Authority) parseList(text []byte) (*x509.RevocationList, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "X509 CRL" {
		return nil, errors.New("no list of revoked certificates (X509 CRL) in PEM")
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return nil, err
	}
	return list, list.CheckSignatureFrom(a.cert)
}

// ParseCertificate reads the first certificate of a text in PEM.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
