package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}
	a.cert, a.key = a.sign("ca", template)
	return a
}

// sign writes NAME.pem and NAME.key.
func (a *authority) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", private)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// flags are the ones of a member with a certificate for its name and address.
func (a *authority) flags(p *process, trusted *authority) []string {
	host, _, _ := net.SplitHostPort(p.addr)
	a.sign(p.name, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: p.name}, DNSNames: []string{p.name}, IPAddresses: []net.IP{net.ParseIP(host)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotAfter: time.Now().Add(time.Hour),
	})
	return []string{
		"--tls-cert", filepath.Join(a.dir, p.name+".pem"), "--tls-key", filepath.Join(a.dir, p.name+".key"),
		"--tls-ca", filepath.Join(trusted.dir, "ca.pem"),
	}
}

func TestMembersTrustTheirAuthorityAlone(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	all := newCluster(t, "a b c")
	for _, p := range all {
		p.extra = append(p.extra, ours.flags(p, ours)...)
	}
	startAll(all)
	all[0].mustPut("k", "v")
	all[2].mustGet("k", "v")

	stranger := newProcess(t, "d", "--join", all[0].addr)
	stranger.extra = append(stranger.extra, theirs.flags(stranger, ours)...) // it trusts ours, but is none of ours
	stranger.start()
	bare := newProcess(t, "e", "--join", all[0].addr)
	bare.start()
	stranger.awaitSaid("certificate")
	bare.awaitSaid("TLS")
	all[1].mustPut("k", "w")
	if s := all[0].mustStatus(); len(s.Members) != 3 {
		t.Errorf("a stranger is a member: %+v", s.Members)
	}
}
