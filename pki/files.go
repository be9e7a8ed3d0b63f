package pki

import (
	"crypto/sha256"
	"os"
)

// Files are where a process finds what it shows, and whom it trusts; all in PEM.
type Files struct {
	Cert string // its certificate, and those between it and the authority
	Key  string // of the certificate
	CA   string // authorities that sign the other ends' certificates
	CRL  string // what they have revoked; "" for nothing
}

// texts are the contents of Files.
type texts struct{ cert, key, ca, crl []byte }

func (t texts) sum() (s [sha256.Size]byte) {
	h := sha256.New()
	for _, text := range [][]byte{t.cert, t.key, t.ca, t.crl} {
		one := sha256.Sum256(text)
		h.Write(one[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (f Files) read() (t texts, err error) {
	for _, file := range []struct {
		path string
		into *[]byte
	}{{f.Cert, &t.cert}, {f.Key, &t.key}, {f.CA, &t.ca}, {f.CRL, &t.crl}} {
		if file.path == "" {
			continue
		}
		if *file.into, err = os.ReadFile(file.path); err != nil {
			return t, err
		}
	}
	return t, nil
}
