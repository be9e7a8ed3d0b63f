package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// revocations are the certificates that authorities have taken back.
type revocations struct {
	at   map[serial]time.Time
	next time.Time // when the first list should have been followed by another
}

// serial names a certificate: by who signed it, and its number there.
type serial struct{ issuer, number string }

func serialOf(c *x509.Certificate) serial {
	return serial{string(c.RawIssuer), c.SerialNumber.String()}
}

// RevokedError says that a certificate was taken back.
type RevokedError struct {
	Certificate *x509.Certificate
	At          time.Time
}

func (e *RevokedError) Error() string {
	return fmt.Sprintf("the certificate of %s, serial %s, was revoked on %s", describe(e.Certificate), e.Certificate.SerialNumber, e.At.UTC().Format(time.DateTime))
}

// parseRevocations reads lists in PEM. Each must be signed by one of the authorities:
// whoever could write another list could take anybody's certificate back, or leave out
// those that were.
func parseRevocations(text []byte, authorities []*x509.Certificate) (*revocations, error) {
	r := &revocations{at: map[serial]time.Time{}}
	lists := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("it holds a %s; it takes lists of revoked certificates, X509 CRL", block.Type)
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, err
		}
		if err := signedByOne(list, authorities); err != nil {
			return nil, err
		}
		r.add(list)
		lists++
	}
	if lists == 0 {
		return nil, errors.New("it holds no list of revoked certificates (X509 CRL) in PEM")
	}
	return r, nil
}

func signedByOne(list *x509.RevocationList, authorities []*x509.Certificate) (err error) {
	for _, a := range authorities {
		if string(a.RawSubject) != string(list.RawIssuer) {
			continue
		}
		if err = list.CheckSignatureFrom(a); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the list of %s is not signed by an authority that is trusted here (%v)", list.Issuer, err)
}

func (r *revocations) add(list *x509.RevocationList) {
	for _, e := range list.RevokedCertificateEntries {
		r.at[serial{string(list.RawIssuer), e.SerialNumber.String()}] = e.RevocationTime
	}
	if r.next.IsZero() || list.NextUpdate.Before(r.next) {
		r.next = list.NextUpdate
	}
}

// check is a *RevokedError if a certificate of a chain was taken back.
func (r *revocations) check(chain []*x509.Certificate) error {
	if r == nil {
		return nil
	}
	for _, c := range chain {
		if at, revoked := r.at[serialOf(c)]; revoked {
			return &RevokedError{c, at}
		}
	}
	return nil
}

// checkAll accepts what one chain without a revoked certificate speaks for.
func (r *revocations) checkAll(chains [][]*x509.Certificate) (err error) {
	for _, chain := range chains {
		if err = r.check(chain); err == nil {
			return nil
		}
	}
	return err
}
