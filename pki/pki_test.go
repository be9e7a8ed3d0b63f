package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/balsaraft/balsa/pki"
)

func uri(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestACertificateSaysWhomItIsFor(t *testing.T) {
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for name, tc := range map[string]struct {
		cert x509.Certificate
		says string // why it is not member a's; "" if it is
	}{
		"of the member":              {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://member/a")}}, ""},
		"of another member":          {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://member/b")}, DNSNames: []string{"a"}, ExtKeyUsage: both}, "of member b, which must not speak for member a"},
		"of a caller of its name":    {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://caller/a")}, DNSNames: []string{"a"}, ExtKeyUsage: both}, "of caller a, which is for calling members"},
		"for nobody":                 {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://member/")}}, "neither balsa://member/NAME"},
		"for another role":           {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://king/a")}}, "neither balsa://member/NAME"},
		"for two":                    {x509.Certificate{URIs: []*url.URL{uri(t, "balsa://member/a"), uri(t, "balsa://caller/a")}}, "for both member a and caller a"},
		"made elsewhere":             {x509.Certificate{URIs: []*url.URL{uri(t, "spiffe://x/a")}, DNSNames: []string{"host", "A"}, ExtKeyUsage: both}, ""},
		"made elsewhere for a site":  {x509.Certificate{DNSNames: []string{"a"}, ExtKeyUsage: both[:1]}, "not for both server and client"},
		"made elsewhere for a user":  {x509.Certificate{DNSNames: []string{"a"}, ExtKeyUsage: both[1:]}, "not for both server and client"},
		"made elsewhere for all":     {x509.Certificate{DNSNames: []string{"*"}, ExtKeyUsage: both}, "must not speak for member a"},
		"with its name as the owner": {x509.Certificate{Subject: pkix.Name{CommonName: "a"}, ExtKeyUsage: both}, "must not speak for member a"},
	} {
		err := pki.CheckMember(&tc.cert, "a")
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v; want %q", name, err, tc.says)
		}
	}
	if err := pki.CheckMember(&x509.Certificate{URIs: []*url.URL{uri(t, "balsa://member/b")}}, ""); err != nil {
		t.Errorf("any member's: %v", err)
	}
	odd := pki.Subject{Role: pki.Member, Name: "a b/ü%?#"}
	if got, err := pki.SubjectOf(&x509.Certificate{URIs: []*url.URL{uri(t, odd.URI().String())}}); err != nil || got != odd {
		t.Errorf("%q comes back as %q, %v", odd, got, err)
	}
}

func TestACertificateNamesItsCaller(t *testing.T) {
	if name, ok := pki.CallerIn(nil); ok {
		t.Errorf("without TLS it is %s", name)
	}
	for want, c := range map[string]*x509.Certificate{
		"alice": {URIs: []*url.URL{uri(t, "balsa://caller/alice")}, Subject: pkix.Name{CommonName: "root"}},
		"bob":   {Subject: pkix.Name{CommonName: "bob"}},
		"":      {URIs: []*url.URL{uri(t, "balsa://member/m")}, Subject: pkix.Name{CommonName: "m"}},
	} {
		state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}}
		if name, ok := pki.CallerIn(state); ok {
			t.Errorf("%s by a certificate that nobody verified", name)
		}
		state.VerifiedChains = [][]*x509.Certificate{{c}}
		if name, ok := pki.CallerIn(state); name != want || ok != (want != "") {
			t.Errorf("%q, %v; want %q", name, ok, want)
		}
	}
}

// desk is an authority, and a directory with what it signed.
type desk struct {
	*pki.Authority
	t   *testing.T
	dir string
	ca  pki.Pair
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	a, ca, err := pki.NewAuthority("test", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{a, t, t.TempDir(), ca}
	d.write("ca.pem", ca.Cert)
	d.revoke()
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name string, text []byte) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read(name string) []byte {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// issue writes NAME.pem and NAME.key.
func (d *desk) issue(role pki.Role, name string) pki.Files {
	d.t.Helper()
	p, err := d.Issue(pki.Subject{Role: role, Name: name}, []string{"localhost", "127.0.0.1"}, time.Now().Add(time.Hour))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name+".pem", p.Cert)
	d.write(name+".key", p.Key)
	return d.files(name)
}

// issueOld writes a certificate that has expired.
func (d *desk) issueOld(role pki.Role, name string) pki.Files {
	d.t.Helper()
	p, err := d.Issue(pki.Subject{Role: role, Name: name}, []string{"localhost"}, time.Now().Add(-time.Minute))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write(name+".pem", p.Cert)
	d.write(name+".key", p.Key)
	return d.files(name)
}

func (d *desk) files(name string) pki.Files {
	return pki.Files{Cert: d.path(name + ".pem"), Key: d.path(name + ".key"), CA: d.path("ca.pem"), CRL: d.path("crl.pem")}
}

// revoke writes crl.pem anew, with the certificates of these in it, too.
func (d *desk) revoke(names ...string) {
	d.t.Helper()
	var before []byte
	if _, err := os.Stat(d.path("crl.pem")); err == nil {
		before = d.read("crl.pem")
	}
	var certs [][]byte
	for _, name := range names {
		certs = append(certs, d.read(name+".pem"))
	}
	list, err := d.Revoke(before, certs...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("crl.pem", list)
}

func (d *desk) member(name string) *pki.Keeper {
	d.t.Helper()
	k, err := pki.ForMember(name, d.issue(pki.Member, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return k
}

// client is what a program shows that dials, good or not.
func (d *desk) client(f pki.Files) *tls.Config {
	d.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.ca.Cert)
	c := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if f.Cert != "" {
		own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			d.t.Fatal(err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return c
}

// meet lets two ends shake hands, and returns what each says of it.
func meet(t *testing.T, dialler, dialled *tls.Config) (atDialler, atDialled error) {
	t.Helper()
	near, far := connect(t)
	done := make(chan error, 1)
	go func() {
		s := tls.Server(far, dialled)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("!"))
		}
		far.Close()
		done <- err
	}()
	c := tls.Client(near, dialler)
	// In TLS 1.3 a refusal of the dialler's certificate comes after its handshake.
	_, atDialler = io.ReadFull(c, make([]byte, 1))
	near.Close()
	return atDialler, <-done
}

// connect is a connection, which ends with the test.
func connect(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{near, far} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
		t.Cleanup(func() { c.Close() })
	}
	return near, far
}

func mustSay(t *testing.T, what string, err error, says string) {
	t.Helper()
	if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
		t.Errorf("%s: %v; want %q", what, err, says)
	}
}

func as(name string, c *tls.Config) *tls.Config {
	c = c.Clone()
	c.ServerName = name
	return c
}

func TestMembersMeet(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	a, b := d.member("a"), d.member("b")
	near, far := meet(t, as("localhost", a.Config()), b.Config())
	mustSay(t, "who dialled", near, "")
	mustSay(t, "who was dialled", far, "")
	near, _ = meet(t, as("elsewhere", a.Config()), b.Config())
	mustSay(t, "a member that is dialled at a host that it does not name", near, "elsewhere")
	near, far = meet(t, as("localhost", other.member("a").Config()), b.Config())
	mustSay(t, "another authority's dials", near, "unknown authority")
	mustSay(t, "another authority's dials", far, "certificate")
	_, far = meet(t, d.client(other.issue(pki.Member, "c")), b.Config())
	mustSay(t, "another authority's is dialled by", far, "unknown authority")
	_, far = meet(t, d.client(pki.Files{}), b.Config())
	mustSay(t, "without a certificate", far, "client didn't provide a certificate")
	_, far = meet(t, d.client(d.issueOld(pki.Member, "old")), b.Config())
	mustSay(t, "expired", far, "expired")

	// A caller's is refused by a member that dials; one that is dialled asks CheckMember.
	caller := d.client(d.issue(pki.Caller, "alice"))
	own, err := caller.GetClientCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	near, _ = meet(t, as("localhost", a.Config()), &tls.Config{Certificates: []tls.Certificate{*own}})
	mustSay(t, "a caller's that answers as a member", near, "certificate")
}

func TestWhatWasRevokedIsRefusedAtBothEnds(t *testing.T) {
	d := newDesk(t)
	a, b := d.member("a"), d.member("b")
	stale := d.client(d.files("b")) // as somebody who has stolen it
	d.revoke("b")
	if changed, err := a.Reload(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	near, _ := meet(t, as("localhost", a.Config()), b.Config())
	mustSay(t, "who dials a revoked member", near, "certificate of member b, serial")
	_, far := meet(t, stale, a.Config())
	mustSay(t, "whom a revoked member dials", far, "was revoked on")
	var revoked *pki.RevokedError
	if !errors.As(far, &revoked) {
		t.Errorf("%v is no RevokedError", far)
	}
	if _, err := b.Reload(); err != nil || !strings.Contains(strings.Join(b.Warnings(), "\n"), "others refuse this member") {
		t.Errorf("b does not know that it was revoked: %v, %q", err, b.Warnings())
	}
	if w := a.Warnings(); len(w) > 0 {
		t.Errorf("a warns %q", w)
	}
	// Another revocation keeps the first.
	d.issue(pki.Member, "c")
	d.revoke("c")
	a.Reload()
	_, far = meet(t, stale, a.Config())
	mustSay(t, "after another was revoked, too", far, "was revoked on")
}

func TestCallersShowCertificatesIfAsked(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	server := d.issue(pki.Member, "a")
	alice, member := d.issue(pki.Caller, "alice"), d.issue(pki.Member, "m")
	gone, old := d.issue(pki.Caller, "gone"), d.issueOld(pki.Caller, "old")
	d.revoke("gone")
	plain := server
	plain.CA, plain.CRL = "", ""
	for _, tc := range []struct {
		what     string
		required bool
		files    pki.Files
		shown    pki.Files
		says     string
	}{
		{"nobody is asked", false, plain, pki.Files{}, ""},
		{"one may be shown, none is", false, server, pki.Files{}, ""},
		{"one may be shown, and is", false, server, alice, ""},
		{"one must be shown, and is", true, server, alice, ""},
		{"one must be shown, none is", true, server, pki.Files{}, "client didn't provide a certificate"},
		{"a member's", false, server, member, "is for being a member, not for calling one"},
		{"a revoked one", false, server, gone, "certificate of caller gone, serial"},
		{"an expired one", false, server, old, "expired"},
		{"another authority's", false, server, other.issue(pki.Caller, "alice"), "unknown authority"},
	} {
		k, err := pki.ForCallers(tc.required, tc.files)
		if err != nil {
			t.Fatal(err)
		}
		_, far := meet(t, d.client(tc.shown), k.Config())
		mustSay(t, tc.what, far, tc.says)
	}
}

// A ticket from before a revocation must not get anybody in after it.
func TestAResumedSessionIsCheckedAnew(t *testing.T) {
	d := newDesk(t)
	k, err := pki.ForCallers(true, d.issue(pki.Member, "a"))
	if err != nil {
		t.Fatal(err)
	}
	client := d.client(d.issue(pki.Caller, "alice"))
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	for range 2 {
		if near, far := meet(t, client, k.Config()); near != nil || far != nil {
			t.Fatal(near, far)
		}
	}
	d.revoke("alice")
	if _, err := k.Reload(); err != nil {
		t.Fatal(err)
	}
	_, far := meet(t, client, k.Config())
	mustSay(t, "a session of before", far, "was revoked")
}

func TestNewFilesAreUsedAndWrongOnesAreNot(t *testing.T) {
	d := newDesk(t)
	a, b := d.member("a"), d.member("b")
	bConfig := b.Config() // one for all connections
	serial := func() string {
		t.Helper()
		near, far := connect(t)
		go tls.Server(far, bConfig).Handshake()
		c := tls.Client(near, as("localhost", a.Config()))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		near.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if changed, err := b.Look(); changed || err != nil {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	key := d.read("b.key")
	d.issue(pki.Member, "b")
	good := d.read("b.key")
	for name, tc := range map[string]struct {
		file string
		text []byte
		says string
	}{
		"the key of another":    {"b.key", key, "private key does not match"},
		"no key":                {"b.key", nil, "b.key"},
		"no authority":          {"ca.pem", []byte("none"), "ca.pem: it holds no certificate"},
		"no authority's":        {"ca.pem", d.read("a.pem"), "ca.pem: the certificate for member a is no authority's"},
		"no list":               {"crl.pem", nil, "crl.pem: it holds no list"},
		"a list of others":      {"crl.pem", newDesk(t).read("crl.pem"), "crl.pem: the list of CN=test is not signed by"},
		"a certificate as list": {"crl.pem", d.ca.Cert, "crl.pem: it holds a CERTIFICATE"},
		"another's certificate": {"b.pem", d.read("a.pem"), "private key does not match"},
	} {
		was := d.read(tc.file)
		d.write(tc.file, tc.text)
		_, err := b.Look()
		mustSay(t, name, err, tc.says)
		if _, err := b.Look(); err != nil {
			t.Errorf("%s: the same is told again: %v", name, err)
		}
		if _, err := b.Reload(); err == nil {
			t.Errorf("%s: whoever asks is not told", name)
		}
		if serial() != first {
			t.Errorf("%s: it is used", name)
		}
		d.write(tc.file, was)
	}
	os.Remove(d.path("b.key"))
	if _, err := b.Look(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that is missing: %v", err)
	}
	d.write("b.key", good)
	if changed, err := b.Look(); !changed || err != nil || serial() == first {
		t.Errorf("the new certificate is not used: %v, %v", changed, err)
	}
}

func TestWhatOthersWouldRefuseIsRefusedAtTheStart(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	a := d.issue(pki.Member, "a")
	foreign := other.issue(pki.Member, "a")
	foreign.CA, foreign.CRL = a.CA, a.CRL
	for name, tc := range map[string]struct {
		files pki.Files
		says  string
	}{
		"another member's":    {d.issue(pki.Member, "b"), "of member b, which must not speak for member a"},
		"a caller's":          {d.issue(pki.Caller, "alice"), "of caller alice"},
		"an expired one":      {d.issueOld(pki.Member, "old"), "expired on"},
		"another authority's": {foreign, "unknown authority"},
		"none":                {pki.Files{Cert: d.path("x"), Key: a.Key, CA: a.CA}, "no such file"},
	} {
		_, err := pki.ForMember("a", tc.files)
		mustSay(t, name, err, tc.says)
	}
}

func TestAnAuthorityIsOpenedAgain(t *testing.T) {
	d := newDesk(t)
	again, err := pki.OpenAuthority(d.ca)
	if err != nil {
		t.Fatal(err)
	}
	d.issue(pki.Member, "a")
	list, err := again.Revoke(d.read("crl.pem"), d.read("a.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := again.Revoked(list, d.read("a.pem")); !yes || err != nil {
		t.Error(yes, err)
	}
	if yes, err := again.Revoked(d.read("crl.pem"), d.read("a.pem")); yes || err != nil {
		t.Error(yes, err)
	}
	other := newDesk(t)
	other.issue(pki.Member, "a")
	if _, err := again.Revoke(nil, other.read("a.pem")); err == nil || !strings.Contains(err.Error(), "not of this authority") {
		t.Error(err)
	}
	if _, err := again.Revoke(other.read("crl.pem")); err == nil {
		t.Error("a list of another authority is gone on with")
	}
	if _, err := pki.OpenAuthority(pki.Pair{Cert: d.read("a.pem"), Key: d.read("a.key")}); err == nil || !strings.Contains(err.Error(), "no authority's") {
		t.Error(err)
	}
	late, err := d.Issue(pki.Subject{Role: pki.Caller, Name: "x"}, nil, time.Now().Add(1000*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := pki.ParseCertificate(late.Cert); err != nil || time.Until(c.NotAfter) > time.Hour {
		t.Errorf("it outlives its authority: %v, %v", c.NotAfter, err)
	}
}

// What an authority of one's own signs without a subject of ours works, too.
func TestCertificatesMadeElsewhereAreGood(t *testing.T) {
	d := newDesk(t)
	pair, err := tls.X509KeyPair(d.ca.Cert, d.ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7), DNSNames: []string{"a", "localhost"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, pair.Leaf, &key.PublicKey, pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	near, far := meet(t, as("localhost", d.member("b").Config()), &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	})
	mustSay(t, "a member that dials one", near, "")
	mustSay(t, "who is dialled", far, "")
}
